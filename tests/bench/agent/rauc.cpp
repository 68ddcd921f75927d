#include "tests/bench/agent/rauc.h"

#include <filesystem>
#include <utility>

#include "tests/bench/agent/rig.h"
#include "tests/bench/lib/options.h"
#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/folder.h"

namespace muster::bench {

using namespace std::chrono_literals;

Rauc::Rauc(std::string folder, std::size_t slot_size) : folder_(std::move(folder)) {
  require_program("rauc", "rauc");
  require_program("mksquashfs", "squashfs-tools");
  require_program("dbus-daemon", "dbus-daemon");
  write_configuration();
  for (const char* slot : {"/slot0.img", "/slot1.img"}) {
    e2e::write_text(folder_ + slot, "");
    e2e::truncate_file(folder_ + slot, slot_size);
  }
  static_cast<void>(timed_run_ms({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                  "-nodes", "-keyout", folder_ + "/key.pem", "-out", folder_ + "/cert.pem", "-subj",
                                  "/CN=bench", "-days", "30"}));
  e2e::Launch launch;
  launch.args = {"dbus-daemon", "--config-file=" + folder_ + "/bus.conf", "--nofork"};
  launch.log = folder_ + "/bus.log";
  bus_ = e2e::Process(launch);
  if (!e2e::eventually(10s, [&] { return e2e::exists(folder_ + "/bus"); })) {
    break_off("dbus-daemon did not start: %s", e2e::read_text(folder_ + "/bus.log").c_str());
  }
}

void Rauc::write_configuration() const {
  std::filesystem::create_directories(folder_ + "/mnt");
  std::filesystem::create_directories(folder_ + "/content");
  e2e::write_text(folder_ + "/system.conf", "[system]\ncompatible=muster-bench\nbootloader=noop\nmountprefix=" +
                                                folder_ + "/mnt\nbundle-formats=plain\n[keyring]\npath=" + folder_ +
                                                "/cert.pem\n[slot.rootfs.0]\ndevice=" + folder_ +
                                                "/slot0.img\ntype=raw\nbootname=A\n[slot.rootfs.1]\ndevice=" + folder_ +
                                                "/slot1.img\ntype=raw\nbootname=B\n");
  e2e::write_text(folder_ + "/bus.conf",
                  "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
                  "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n<busconfig><type>custom</type>"
                  "<listen>unix:path=" +
                      folder_ +
                      "/bus</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow send_destination=\"*\" "
                      "eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n");
  e2e::write_text(folder_ + "/content/manifest.raucm",
                  "[update]\ncompatible=muster-bench\nversion=1\n[bundle]\nformat=plain\n[image.rootfs]\n"
                  "filename=rootfs.img\n");
}

void Rauc::make_bundle(const std::string& image) {
  std::filesystem::copy_file(image, folder_ + "/content/rootfs.img");
  static_cast<void>(timed_run_ms({"rauc", "--cert=" + folder_ + "/cert.pem", "--key=" + folder_ + "/key.pem", "bundle",
                                  folder_ + "/content", folder_ + "/release.raucb"}));
  std::filesystem::remove(folder_ + "/content/rootfs.img");
}

void Rauc::start_service() {
  e2e::Launch launch;
  launch.args = {"rauc", "--conf=" + folder_ + "/system.conf", "--override-boot-slot=A", "service"};
  launch.log = folder_ + "/service.log";
  launch.environment = {bus()};
  service_ = e2e::Process(launch);
  const auto answers = [&] { return e2e::run({"rauc", "status"}, 5000ms, {}, {bus()}).exit_code == 0; };
  if (!e2e::eventually(10s, answers, 100ms)) {
    break_off("rauc service does not answer: %s", e2e::read_text(folder_ + "/service.log").c_str());
  }
}

double Rauc::install_ms() {
  return timed_run_ms({"rauc", "install", folder_ + "/release.raucb"}, {bus()});
}

void Rauc::check_installed(const std::string& image) const {
  static_cast<void>(timed_run_ms({"cmp", image, folder_ + "/slot1.img"}));
}

}  // namespace muster::bench
