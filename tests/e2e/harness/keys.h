// The keys and certificates of one test program, made by musterctl once and shared by its tests. Tests only; one
// thread.
#pragma once

#include <string>

#include "tests/e2e/harness/folder.h"

namespace muster::e2e {

class Keys {
 public:
  // Runs `musterctl keys init` and makes the server's certificate; a failure is a failed test with musterctl's words.
  Keys();

  [[nodiscard]] std::string folder() const { return folder_.file("keys"); }
  [[nodiscard]] std::string ca() const { return folder() + "/ca.crt"; }
  [[nodiscard]] std::string server() const { return folder() + "/server"; }  // stem: .crt and .key

  // The stem of a certificate, made at the first call. The name becomes the MQTT user.
  [[nodiscard]] std::string device(const std::string& name) const { return certificate("device", name); }
  [[nodiscard]] std::string operator_(const std::string& name) const { return certificate("operator", name); }

 private:
  [[nodiscard]] std::string certificate(const std::string& kind, const std::string& name) const;
  Folder folder_;
};

// The keys that all tests of this program share.
[[nodiscard]] const Keys& shared_keys();

}  // namespace muster::e2e
