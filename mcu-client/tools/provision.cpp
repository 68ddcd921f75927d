// muster-mcu-provision: what a factory does to a device. Makes a flash image with the device's identity and, if wanted,
// a first firmware, for the board in QEMU and for the posix port. One thread.
#include <CLI/CLI.hpp>
#include <cstring>
#include <iostream>

#include "host/files.h"
#include "mcu-client/ports/mps2-an385/layout.h"
#include "mcu-client/ports/posix/layout.h"
#include "mcu-client/src/client/identity.h"
#include "mcu-client/src/flash/slot.h"
#include "mcu-client/tools/der_file.h"
#include "mcu-client/tools/flash_image.h"
#include "schemas/manifest_generated.h"
#include "schemas/wire.h"
#include "trust/sha256.h"

namespace muster::mcu {
namespace {

struct Options {
  std::string flash, board = "mps2-an385";
  std::string device_id, device_class = "cortex-m3", region, site, customer, os_version, memory_tier,
                         broker_name = "localhost";
  std::uint32_t memory_mb = 0, security_version = 0;
  std::vector<std::string> tags;
  std::string root, ca, certificate, key;
  std::string firmware, release = "factory@0", manifest;
};

struct Board {
  const Layout& layout;
  std::uint32_t flash_size;
};

using Done = tl::expected<void, muster::Error>;

Done done(int code, const std::string& doing) {
  if (code >= 0) return {};
  return tl::unexpected(muster::Error{code == err_no_space ? ErrorKind::no_space : ErrorKind::invalid,
                                      doing + ": " + name_of(static_cast<Error>(code))});
}

// --- identity ---

class IdentityWriter {
 public:
  explicit IdentityWriter(RecordLog& log) : log_(log) {}

  Done text(IdentityKey key, const std::string& value) {
    if (value.empty()) return {};
    return bytes(key, ByteView(value));
  }
  Done bytes(IdentityKey key, ByteView value) {
    return done(log_.write(static_cast<std::uint8_t>(key), value.data(), static_cast<std::uint32_t>(value.size())),
                "writing the identity");
  }
  Done der(IdentityKey key, const std::string& path, std::string_view label) {
    if (path.empty()) return {};
    const auto value = read_der(path, label);
    if (!value) return tl::unexpected(value.error());
    return bytes(key, *value);
  }
  Done file(IdentityKey key, const std::string& path) {
    if (path.empty()) return {};
    const auto value = host::read_file(path, limits::root_document_len_max + limits::envelope_overhead_max);
    if (!value) return tl::unexpected(value.error());
    return bytes(key, *value);
  }

 private:
  RecordLog& log_;
};

std::string joined_tags(const std::vector<std::string>& tags) {
  std::string all;
  for (const auto& tag : tags) all += (all.empty() ? std::string() : std::string(1, '\0')) + tag;
  return all;
}

Done write_identity(const Flash& flash, const Options& options) {
  RecordLog log(flash, flash.layout().identity);
  if (auto mounted = done(log.mount(), "reading the identity area"); !mounted) return mounted;
  IdentityWriter writer(log);
  const auto memory = options.memory_mb;
  const std::uint8_t memory_bytes[4] = {static_cast<std::uint8_t>(memory), static_cast<std::uint8_t>(memory >> 8),
                                        static_cast<std::uint8_t>(memory >> 16),
                                        static_cast<std::uint8_t>(memory >> 24)};
  return writer.text(IdentityKey::device_id, options.device_id)
      .and_then([&] { return writer.text(IdentityKey::device_class, options.device_class); })
      .and_then([&] { return writer.text(IdentityKey::region, options.region); })
      .and_then([&] { return writer.text(IdentityKey::site, options.site); })
      .and_then([&] { return writer.text(IdentityKey::customer, options.customer); })
      .and_then([&] { return writer.text(IdentityKey::os_version, options.os_version); })
      .and_then([&] { return writer.text(IdentityKey::memory_tier, options.memory_tier); })
      .and_then([&] { return writer.text(IdentityKey::broker_name, options.broker_name); })
      .and_then([&] { return writer.text(IdentityKey::tags, joined_tags(options.tags)); })
      .and_then([&] {
        return writer.bytes(IdentityKey::memory_mb, {memory_bytes, sizeof memory_bytes});
      })
      .and_then([&] { return writer.file(IdentityKey::root, options.root); })
      .and_then([&] { return writer.der(IdentityKey::ca, options.ca, "CERTIFICATE"); })
      .and_then([&] { return writer.der(IdentityKey::certificate, options.certificate, "CERTIFICATE"); })
      .and_then([&] { return writer.der(IdentityKey::private_key, options.key, "PRIVATE KEY"); })
      .and_then([&]() -> Done {  // what the device will say to it
        Identity identity;
        return done(load(log, identity), "these facts do not make an identity");
      });
}

// --- firmware ---

void copy_text(char* to, std::size_t size, std::string_view text) {
  std::memcpy(to, text.data(), std::min(size, text.size()));
}

// Name, version and security version: the manifest's when there is one, else the command line's.
Done describe(SlotHeader& header, const Options& options, const Bytes& manifest) {
  std::string name = options.release.substr(0, options.release.find('@'));
  std::string version = name.size() < options.release.size() ? options.release.substr(name.size() + 1) : "";
  header.security_version = options.security_version;
  if (!manifest.empty()) {
    const AlignedBytes copy(manifest);
    const wire::Manifest* read = nullptr;
    if (verify(copy.view(), read) != WireFault::none)
      return tl::unexpected(
          muster::Error{ErrorKind::invalid, options.manifest + " is no manifest (manifest.mman of a release)"});
    name = read->name()->str();
    version = read->version()->str();
    header.security_version = read->security_version();
  }
  if (name.empty() || name.size() > sizeof header.name || version.empty() || version.size() > sizeof header.version)
    return tl::unexpected(muster::Error{ErrorKind::usage, "--release is NAME@VERSION, of at most 64 and 32 bytes"});
  copy_text(header.name, sizeof header.name, name);
  copy_text(header.version, sizeof header.version, version);
  return {};
}

void set_digest(std::uint8_t (&to)[32], const Bytes& of) {
  const auto digest = trust::sha256(of);
  std::memcpy(to, digest.bytes.data(), sizeof to);
}

Done write_firmware(const Flash& flash, const Options& options) {
  if (options.firmware.empty()) return {};
  const Area& slot = flash.layout().slots[static_cast<std::size_t>(wire::Plane::firmware)][0];
  const auto image = host::read_file(options.firmware, slot.size);
  if (!image) return tl::unexpected(image.error());
  Bytes manifest;
  if (!options.manifest.empty()) {
    auto read = host::read_file(options.manifest, 0xffff);
    if (!read) return tl::unexpected(read.error());
    manifest = std::move(*read);
  }
  SlotHeader header{};
  if (auto described = describe(header, options, manifest); !described) return described;
  header.plane = static_cast<std::uint8_t>(wire::Plane::firmware);
  header.file_count = 1;
  header.manifest_size = static_cast<std::uint16_t>(manifest.size());
  set_digest(header.manifest, manifest);
  const auto file_name = options.firmware.substr(options.firmware.find_last_of('/') + 1);
  copy_text(header.files[0].name, sizeof header.files[0].name, file_name);
  header.files[0].size = static_cast<std::uint32_t>(image->size());
  set_digest(header.files[0].sha256, *image);
  int code = place_files(header, slot);
  if (code == ok) code = flash.program(slot, header.files[0].offset, image->data(), header.files[0].size);
  if (code == ok) code = flash.program(slot, header.manifest_offset, manifest.data(), header.manifest_size);
  if (code == ok) code = write_header(flash, slot, header);
  if (code == ok) code = check_files(flash, slot, header);
  return done(code, "writing the firmware");
}

Done provision(const Options& options) {
  const Board board =
      options.board == "posix" ? Board{posix::layout, posix::flash_size} : Board{mps2::layout, mps2::flash_size};
  FlashImage image(board.layout, board.flash_size);
  return write_identity(image.flash(), options)
      .and_then([&] { return write_firmware(image.flash(), options); })
      .and_then([&] { return image.save(options.flash); });
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--flash", options.flash, "the image to write; replaced when it exists")->required();
  app.add_option("--board", options.board, "whose layout")
      ->check(CLI::IsMember({"mps2-an385", "posix"}))
      ->capture_default_str();
  app.add_option("--device-id", options.device_id)->required();
  app.add_option("--class", options.device_class)->capture_default_str();
  app.add_option("--region", options.region);
  app.add_option("--site", options.site);
  app.add_option("--customer", options.customer);
  app.add_option("--os-version", options.os_version);
  app.add_option("--memory-tier", options.memory_tier);
  app.add_option("--memory-mb", options.memory_mb);
  app.add_option("--tag", options.tags, "one tag; again for more");
  app.add_option("--broker-name", options.broker_name, "what the broker's certificate says")->capture_default_str();
  app.add_option("--root", options.root, "the signed root of trust: root.menv");
  app.add_option("--ca", options.ca, "the authority behind the broker's certificate: PEM or DER");
  app.add_option("--cert", options.certificate, "the device's certificate: PEM or DER");
  app.add_option("--key", options.key, "its private key: PEM or DER");
  app.add_option("--firmware", options.firmware, "an image linked for slot A");
  app.add_option("--release", options.release, "NAME@VERSION of that firmware")->capture_default_str();
  app.add_option("--security-version", options.security_version, "of that firmware");
  app.add_option("--manifest", options.manifest, "its manifest.mman, which then says its name and versions");
}

}  // namespace
}  // namespace muster::mcu

int main(int argc, char** argv) {
  CLI::App app("Makes the flash image of a new device.", "muster-mcu-provision");
  muster::mcu::Options options;
  muster::mcu::add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const auto made = muster::mcu::provision(options);
  if (made) return 0;
  std::cerr << "muster-mcu-provision: " << made.error().message << "\n";
  // docs/exit-codes.md has the kinds in their order, from 2 on.
  return made.error().kind == muster::ErrorKind::internal ? 1 : 2 + static_cast<int>(made.error().kind);
}
