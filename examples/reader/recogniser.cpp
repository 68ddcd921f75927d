#include "examples/reader/recogniser.h"

#include <leptonica/allheaders.h>
#include <tesseract/baseapi.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "examples/reader/edit_distance.h"
#include "host/files.h"

namespace muster::reader {
namespace {

constexpr int label_dpi = 150;  // said outright, as label images carry none and a guess costs time

struct PixDestroyer {
  void operator()(Pix* image) const { pixDestroy(&image); }
};
using Image = std::unique_ptr<Pix, PixDestroyer>;

// The file's name alone: the slot's path says nothing to people, and errors have a length.
Error unusable(const std::string& path, const std::string& why) {
  return {ErrorKind::invalid, std::filesystem::path(path).filename().string() + " is no usable model: " + why};
}

}  // namespace

struct Recogniser::Impl {
  tesseract::TessBaseAPI api;
  double load_time_ms = 0;
};

Recogniser::Recogniser(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Recogniser::Recogniser(Recogniser&&) noexcept = default;
Recogniser& Recogniser::operator=(Recogniser&&) noexcept = default;
Recogniser::~Recogniser() = default;

double Recogniser::load_time_ms() const {
  return impl_->load_time_ms;
}

std::string Recogniser::runtime_version() {
  return std::string("tesseract-") + tesseract::TessBaseAPI::Version();
}

void limit_threads(char** argv) {
  if (std::getenv("OMP_THREAD_LIMIT") != nullptr) return;
  // OpenMP's runtime has read its environment before main(), so only a new start can change the limit.
  if (setenv("OMP_THREAD_LIMIT", "1", 1) == 0) execv("/proc/self/exe", argv);
}

tl::expected<Recogniser, Error> Recogniser::load(const std::string& path) {
  const auto start = std::chrono::steady_clock::now();
  auto model = host::read_file(path, model_len_max);
  if (!model) return tl::unexpected(std::move(model.error()));

  auto impl = std::make_unique<Impl>();
  const auto language = std::filesystem::path(path).stem().string();
  try {
    // From memory: the slot may be replaced while Tesseract reads.
    const int failed =
        impl->api.Init(reinterpret_cast<const char*>(model->data()), static_cast<int>(model->size()), language.c_str(),
                       tesseract::OEM_LSTM_ONLY, nullptr, 0, nullptr, nullptr, false, nullptr);
    if (failed != 0) return tl::unexpected(unusable(path, "Tesseract finds it damaged, cut short or of another kind"));
  } catch (const std::exception& e) {
    return tl::unexpected(unusable(path, e.what()));
  }
  impl->api.SetVariable("debug_file", "/dev/null");
  impl->api.SetPageSegMode(tesseract::PSM_SINGLE_BLOCK);
  impl->load_time_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return Recogniser(std::move(impl));
}

tl::expected<std::string, Error> Recogniser::read(const std::string& image_path) {
  const Image image(pixRead(image_path.c_str()));
  if (!image)
    return tl::unexpected(Error{ErrorKind::io, "cannot read the image " + image_path + ": it must be a PNG file"});
  try {
    impl_->api.SetImage(image.get());
    impl_->api.SetSourceResolution(label_dpi);
    const std::unique_ptr<char[]> text(impl_->api.GetUTF8Text());
    impl_->api.Clear();
    if (!text) return tl::unexpected(Error{ErrorKind::internal, "Tesseract gave no result for " + image_path});
    return one_line(text.get());
  } catch (const std::exception& e) {
    return tl::unexpected(Error{ErrorKind::internal, "Tesseract failed on " + image_path + ": " + e.what()});
  }
}

}  // namespace muster::reader
