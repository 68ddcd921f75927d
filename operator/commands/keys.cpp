#include "operator/commands/keys.h"

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "host/certificate.h"
#include "operator/json_text.h"
#include "operator/key_folder.h"
#include "operator/render/moment.h"
#include "schemas/ids.h"
#include "trust/signing/x509.h"

namespace muster::ctl {

Outcome keys_init(const KeysInitOptions& options, const Terminal& terminal) {
  KeyFolderRequest request;
  request.folder = options.folder;
  request.days = options.days;
  request.ca_name = options.ca_name;
  request.now_s = wall_clock_s();
  auto made = make_key_folder(request);
  if (!made) return tl::make_unexpected(std::move(made.error()));
  const auto& f = made->folder;
  const auto text = "made the keys of a new installation in " + f + ", valid until " +
                    moment_text(made->expires_s).substr(0, 10) +
                    "\n"
                    "  root.key        says who holds the other roles: keep it offline\n"
                    "  release.key     signs releases: keep it offline\n"
                    "  control.key     the broker's; goes to its control_key\n"
                    "  root.menv       what devices pin\n"
                    "  root-chain.mrch goes to the broker's root_chain\n"
                    "  ca.key, ca.crt  private CA: musterctl cert server|device|operator NAME --ca " +
                    f + " --out STEM";
  terminal.result(text, json_object({{"folder", f},
                                     {"root_key_id", made->root_key_id},
                                     {"release_key_id", made->release_key_id},
                                     {"control_key_id", made->control_key_id},
                                     {"expires_s", made->expires_s},
                                     {"files", made->files}}));
  return ExitCode::ok;
}

Outcome cert_ca(const CertCaOptions& options, const Terminal& terminal) {
  std::error_code failure;
  std::filesystem::create_directories(options.folder, failure);
  if (failure) {
    return tl::make_unexpected(
        Error{ErrorKind::io, "cannot make the folder " + options.folder + ": " + failure.message()});
  }
  if (auto made = trust::make_ca(options.folder, options.ca_name, options.days); !made)
    return tl::make_unexpected(std::move(made.error()));
  terminal.result("made a private CA: " + options.folder + "/ca.key (keep it offline) and ca.crt",
                  json_object({{"key", options.folder + "/ca.key"}, {"cert", options.folder + "/ca.crt"}}));
  return ExitCode::ok;
}

Outcome cert_check(const CertCheckOptions& options, const Terminal& terminal) {
  const auto now_s = static_cast<std::uint64_t>(std::time(nullptr));
  auto trouble = host::certificate_trouble({options.cert, options.key, options.ca}, now_s);
  if (!trouble.empty()) return tl::make_unexpected(Error{ErrorKind::untrusted, std::move(trouble)});
  terminal.result(options.cert + " is valid now and signed by the CA in " + options.ca +
                      (options.key.empty() ? "" : ", and " + options.key + " is its key"),
                  json_object({{"cert", options.cert}}));
  return ExitCode::ok;
}

Outcome cert_issue(const CertOptions& options, const Terminal& terminal) {
  const bool server = options.holder == CertOptions::Holder::server;
  if (!server && !is_id(options.name)) {
    return tl::make_unexpected(
        Error{ErrorKind::usage, "'" + options.name + "' can not be a " +
                                    (options.holder == CertOptions::Holder::device ? "device id" : "user name") +
                                    ": use 1 to 64 of A-Z a-z 0-9 . _ - and no '.' in front"});
  }
  if (!server && !options.alt_names.empty()) {
    return tl::make_unexpected(
        Error{ErrorKind::usage, "--alt is for server certificates: clients are known by their name"});
  }
  trust::CertificateRequest request;
  request.common_name = options.name;
  request.server = server;
  request.days = options.days;
  request.alt_names = options.alt_names;
  if (server &&
      std::find(request.alt_names.begin(), request.alt_names.end(), options.name) == request.alt_names.end()) {
    request.alt_names.insert(request.alt_names.begin(), options.name);
  }
  if (auto issued = trust::issue_certificate(options.ca_folder, request, options.stem); !issued) {
    return tl::make_unexpected(std::move(issued.error()));
  }
  const auto key = options.stem + ".key", cert = options.stem + ".crt";
  terminal.result("wrote " + cert + " for " + options.name + ", valid for " + std::to_string(options.days) +
                      " days, and its key " + key,
                  json_object({{"name", options.name},
                               {"key", key},
                               {"cert", cert},
                               {"days", std::uint64_t{options.days}},
                               {"alt_names", request.alt_names}}));
  return ExitCode::ok;
}

}  // namespace muster::ctl
