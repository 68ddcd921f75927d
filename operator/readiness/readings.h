// Values and lines read out of evidence files. They come from CI systems and measuring benches, so what they hold is
// taken for nothing but text of a bounded length: whatever it is, it gives values or the reason why there are none.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::ctl {

struct Value {
  std::string text;              // as it is shown, cut where it is very long
  std::optional<double> number;  // finite; nothing where the text is no number
  std::size_t line = 0;          // in its file, from 1; 0 for JSON
};

struct Readings {
  enum class Fault : unsigned char { none, absent, unreadable };
  Fault fault = Fault::none;
  std::string why;            // a sentence's end, with a fault: "has no /benchmarks/A/p95_ms"
  std::vector<Value> values;  // not empty without a fault
};

// A JSON text, parsed once for all its values. Not JSON is also what has a key twice in one object, since nobody can
// tell which of the two was meant, and numbers that are none (NaN).
class JsonDocument {
 public:
  explicit JsonDocument(std::string_view text);
  // The one value at a JSON pointer; null counts as absent.
  [[nodiscard]] Readings at(std::string_view pointer) const;

 private:
  struct Parsed;
  std::shared_ptr<const Parsed> parsed_;
};

// The cells of `column` in a CSV text (RFC 4180, first line: the columns' names) in the rows whose `row_column` is
// `row`; in all rows when `row_column` is empty.
[[nodiscard]] Readings read_column(std::string_view text, std::string_view column, std::string_view row_column,
                                   std::string_view row);

// The words that follow `place` in any line, blanks between them left out.
[[nodiscard]] Readings read_words_after(std::string_view text, std::string_view place);

// The number of the first line that holds something that fits `pattern`, in which '*' fits any characters; 0 when none.
[[nodiscard]] std::size_t find_line(std::string_view text, std::string_view pattern);

// Whether it is text in the sense of the functions above: UTF-8 without zero bytes and escape sequences. In UTF-16, or
// between the colours of a terminal, what must not be in a line would never be found.
[[nodiscard]] bool is_plain(std::string_view text);

// The whole text as a finite decimal number.
[[nodiscard]] std::optional<double> number_from(std::string_view text);

}  // namespace muster::ctl
