// Reads text from label images with Tesseract. The only header over it: recogniser.cpp alone includes Tesseract and
// Leptonica.
//
// A Recogniser belongs to one thread at a time. Tesseract's own threads cost more than they bring on small images, and
// its limit is read when the program starts: programs call limit_threads() first thing in main().
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"

namespace muster::reader {

inline constexpr std::size_t model_len_max = 256u * 1024 * 1024;

// Starts this program again with OMP_THREAD_LIMIT=1 unless the variable is set; returns only when it is, or when a
// second start is impossible.
void limit_threads(char** argv);

class Recogniser {
 public:
  // Reads the model `path` (NAME.traineddata) into memory and sets Tesseract up with it. A damaged model can make
  // Tesseract abort the process: rehearse_load (rehearsal.h) tries one in a child first.
  [[nodiscard]] static tl::expected<Recogniser, Error> load(const std::string& path);

  Recogniser(Recogniser&&) noexcept;
  Recogniser& operator=(Recogniser&&) noexcept;
  ~Recogniser();

  // The text of a PNG as one line of UTF-8, empty when none was found. Blocks for about 5 ms a word.
  [[nodiscard]] tl::expected<std::string, Error> read(const std::string& image_path);

  // What load() took, file access included.
  [[nodiscard]] double load_time_ms() const;
  // Version of the runtime: "tesseract-5.3.0".
  [[nodiscard]] static std::string runtime_version();

 private:
  struct Impl;
  explicit Recogniser(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::reader
