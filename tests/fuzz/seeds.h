// Writes one seed: a valid input of a target, from which its fuzzer starts. For seeds*.cpp only; one thread.
#pragma once

#include <string>
#include <string_view>

#include "schemas/bytes.h"

namespace muster::fuzz {

class SeedFolder {
 public:
  explicit SeedFolder(std::string folder) : folder_(std::move(folder)) {}
  // FOLDER/TARGET/NAME; a failure ends the program.
  void write(const std::string& target, const std::string& name, ByteView bytes) const;
  void write(const std::string& target, const std::string& name, std::string_view text) const {
    write(target, name, ByteView(text));
  }
  [[nodiscard]] const std::string& path() const { return folder_; }

 private:
  std::string folder_;
};

// Conditions, programs, YAML, JSON, StatsD, topics: seeds_text.cpp.
void write_text_seeds(const SeedFolder& seeds);
// A microcontroller's bundles: seeds_evidence.cpp.
void write_evidence_seeds(const SeedFolder& seeds);
// A broker's side of MQTT: seeds_mcu.cpp.
void write_mcu_seeds(const SeedFolder& seeds);
// Lives of a whole device: seeds_mcu_client.cpp.
void write_mcu_client_seeds(const SeedFolder& seeds);

}  // namespace muster::fuzz
