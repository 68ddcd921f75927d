#include "tests/e2e/harness/qemu.h"

#include <gtest/gtest.h>

#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/folder.h"
#include "tests/e2e/harness/programs.h"
#include "tests/support/long_form.h"

namespace muster::e2e {

std::string mcu_file(const std::string& name) {
  const std::string path = programs::mcu_build + "/" + name;
  EXPECT_TRUE(exists(path)) << path
                            << " is missing: scripts/test builds it, or cmake --preset mcu && cmake --build build/mcu";
  return path;
}

QemuBoard::QemuBoard(const std::string& folder, const BoardToMake& board, const Keys& keys)
    : name_(board.name),
      flash_(folder + "/" + name_ + ".flash"),
      console_(folder + "/" + name_ + ".log"),
      trouble_(folder + "/" + name_ + ".qemu.log") {
  const auto stem = keys.device(name_);
  std::vector<std::string> args = {programs::provision,
                                   "--flash",
                                   flash_,
                                   "--device-id",
                                   name_,
                                   "--region",
                                   board.region,
                                   "--root",
                                   keys.folder() + "/root.menv",
                                   "--broker-name",
                                   board.broker_name,
                                   "--firmware",
                                   board.firmware.empty() ? mcu_file("firmware-a.bin") : board.firmware};
  if (board.with_certificates) {
    for (const auto& arg :
         {std::string("--ca"), keys.ca(), std::string("--cert"), stem + ".crt", std::string("--key"), stem + ".key"})
      args.push_back(arg);
  }
  const auto made = run(args);
  EXPECT_EQ(made.exit_code, 0) << made.err;
}

Launch QemuBoard::launch(std::uint16_t broker_port) const {
  const auto relay = programs::loop_relay + " " + std::to_string(broker_port);
  Launch launch;
  launch.log = trouble_;
  launch.args = {"qemu-system-arm", "-M", "mps2-an385,memory-backend=flash", "-object",
                 "memory-backend-file,id=flash,size=16M,share=on,mem-path=" + flash_, "-kernel",
                 mcu_file("bootloader.elf"),
                 // The board's stand-in for a source of randomness (ports/mps2-an385/random.cpp).
                 "-device", "loader,addr=0x203fff80,data-len=8,data=" + std::to_string(testing::seed_or(1)), "-nic",
                 "user,restrict=on,guestfwd=tcp:10.0.2.100:1883-cmd:" + relay, "-chardev",
                 "file,id=console,append=on,path=" + console_, "-serial", "chardev:console", "-display", "none",
                 "-monitor", "none"};
  return launch;
}

void QemuBoard::start(std::uint16_t broker_port) {
  process_ = Process(launch(broker_port));
}

std::string QemuBoard::log() const {
  return read_text(console_) + read_text(trouble_);
}

std::size_t QemuBoard::log_count(const std::string& text) const {
  const auto all = log();
  std::size_t count = 0;
  for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + text.size())) ++count;
  return count;
}

bool QemuBoard::wait_for_log(const std::string& text, Milliseconds patience, std::size_t before) const {
  return eventually(patience, [&] { return log_count(text) > before; });
}

}  // namespace muster::e2e
