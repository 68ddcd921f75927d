// Writes JSON text piece by piece, with the commas in the right places. The caller opens and closes in balance.
// One thread at a time.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdio>
#include <string>
#include <string_view>

#include "broker-plugin/control/answer.h"

namespace muster::broker {

class JsonWriter {
 public:
  JsonWriter& open(char bracket) {
    separate();
    text_.push_back(bracket);
    fresh_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    text_.push_back(bracket);
    fresh_ = false;
    return *this;
  }
  JsonWriter& key(std::string_view name) {
    separate();
    text_ += json_quoted(name);
    text_.push_back(':');
    fresh_ = true;
    return *this;
  }
  JsonWriter& raw(std::string_view json) {
    separate();
    text_ += json;
    return *this;
  }
  JsonWriter& text(std::string_view value) { return raw(json_quoted(value)); }
  template <std::integral Number>
  JsonWriter& number(Number value) {
    if constexpr (std::same_as<Number, bool>) return raw(value ? "true" : "false");
    return raw(std::to_string(value));
  }
  // Not a number and infinity become null: JSON has neither.
  JsonWriter& number(double value) {
    if (!std::isfinite(value)) return raw("null");
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.12g", value);
    return raw(digits);
  }

  template <typename Number>
  JsonWriter& field(std::string_view name, Number value) requires std::is_arithmetic_v<Number> {
    return key(name).number(value);
  }
  JsonWriter& field(std::string_view name, std::string_view value) { return key(name).text(value); }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void separate() {
    if (!fresh_) text_.push_back(',');
    fresh_ = false;
  }
  std::string text_;
  bool fresh_ = true;
};

}  // namespace muster::broker
