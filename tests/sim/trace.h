// What happened, line by line, and a digest of all of it: the same seed must give the same digest. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::sim {

class Trace {
 public:
  void line(std::uint64_t now_ms, std::string_view who, std::string_view what) {
    const auto begin = text_.size();
    text_.append(std::to_string(now_ms / 1000)).append(".");
    const auto rest = std::to_string(now_ms % 1000);
    text_.append(3 - rest.size(), '0').append(rest).append(" ").append(who).append(": ").append(what).append("\n");
    // FNV-1a.
    for (auto at = begin; at < text_.size(); ++at)
      digest_ = (digest_ ^ static_cast<unsigned char>(text_[at])) * 0x100000001b3u;
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  // The last lines.
  [[nodiscard]] std::string tail(std::size_t lines) const {
    auto at = text_.size();
    while (at > 0 && lines > 0) {
      at = at < 2 ? 0 : text_.rfind('\n', at - 2) + 1;
      --lines;
    }
    return text_.substr(at);
  }

 private:
  std::string text_;
  std::uint64_t digest_ = 0xcbf29ce484222325u;
};

}  // namespace muster::sim
