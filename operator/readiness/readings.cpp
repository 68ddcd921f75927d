#include "operator/readiness/readings.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "schemas/limits.h"
#include "schemas/text.h"

namespace muster::ctl {
namespace {

using Json = nlohmann::json;

// Of a value: policies name none that is longer. Nobody looks for the end of a word beyond it.
constexpr std::size_t shown_len_max = limits::text_len_max;
constexpr int json_depth_max = 64;
constexpr std::size_t columns_max = 256;
constexpr std::size_t values_max = 250'000;  // of one check: each takes a hundred bytes
constexpr std::string_view blanks = " \t";
constexpr std::string_view word_ends = " \t,;)]}\"'";

static_assert(shown_len_max >= limits::release_ref_len_max, "values are compared as they are shown");

Readings fault(Readings::Fault kind, std::string why) {
  return {kind, std::move(why), {}};
}

Readings too_many() {
  return fault(Readings::Fault::unreadable, "has more than " + std::to_string(values_max) + " such values");
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Value value_of(std::string_view text, std::size_t line) {
  return {clean_text(text, shown_len_max), number_from(text), line};
}

// Calls `each(line, number)` for every line until it gives false.
template <typename Each>
void for_each_line(std::string_view text, Each each) {
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!each(line, ++number)) return;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Reads a CSV text row by row, so that no more than one row is held.
class CsvRows {
 public:
  explicit CsvRows(std::string_view text) : rest_(text.substr(0, 3) == "\xEF\xBB\xBF" ? text.substr(3) : text) {}

  // False at the end, and after a fault.
  bool next() {
    while (!rest_.empty() && (rest_.front() == '\n' || rest_.substr(0, 2) == "\r\n")) end_row();  // empty lines
    if (rest_.empty() || !fault_.empty()) return false;
    line_ = next_line_;
    cells_.clear();
    do {
      if (!take_cell()) return false;
    } while (take(','));
    end_row();
    return true;
  }
  [[nodiscard]] const std::vector<std::string>& cells() const { return cells_; }
  [[nodiscard]] std::size_t line() const { return line_; }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void end_row() {
    take('\r');
    if (take('\n')) ++next_line_;
  }
  bool fail(const std::string& what) {
    fault_ = "is no CSV: line " + std::to_string(line_) + " " + what;
    return false;
  }

  bool take_cell() {
    if (cells_.size() == columns_max) return fail("has more than " + std::to_string(columns_max) + " cells");
    if (!take('"')) {
      const auto end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
      cells_.emplace_back(trimmed(rest_.substr(0, end)));
      rest_.remove_prefix(end);
      return rest_.empty() || rest_.front() != '\r' || rest_.substr(0, 2) == "\r\n" || fail("holds a lone CR");
    }
    std::string cell;
    for (;;) {
      const auto quote = rest_.find('"');
      if (quote == std::string_view::npos) return fail("begins a quoted cell that does not end");
      cell += rest_.substr(0, quote);
      next_line_ += static_cast<std::size_t>(std::count(rest_.begin(), rest_.begin() + static_cast<long>(quote), '\n'));
      rest_.remove_prefix(quote + 1);
      if (!take('"')) break;
      cell += '"';
    }
    cells_.push_back(std::move(cell));
    const bool ends = rest_.empty() || rest_.front() == ',' || rest_.front() == '\n' || rest_.substr(0, 2) == "\r\n";
    return ends || fail("goes on behind a quoted cell");
  }

  std::string_view rest_;
  std::vector<std::string> cells_;
  std::string fault_;
  std::size_t line_ = 0, next_line_ = 1;
};

// The index of a column in the header, or a fault.
std::size_t find_column(const std::vector<std::string>& header, std::string_view column, Readings& readings) {
  const auto found = std::find(header.begin(), header.end(), column);
  if (found == header.end()) {
    std::string names;
    for (const auto& name : header) names += (names.empty() ? "" : ", ") + name;
    readings = fault(Readings::Fault::absent, "has no column " + clean_text(column, shown_len_max) +
                                                  "; its first line names " + clean_text(names, shown_len_max));
  } else if (std::find(found + 1, header.end(), column) != header.end()) {
    readings = fault(Readings::Fault::unreadable, "has the column " + clean_text(column, shown_len_max) + " twice");
  }
  return static_cast<std::size_t>(found - header.begin());
}

}  // namespace

struct JsonDocument::Parsed {
  Json root;
  std::string fault;  // why it is none
};

JsonDocument::JsonDocument(std::string_view text) {
  struct Refused {
    std::string why;
  };
  auto parsed = std::make_shared<Parsed>();
  std::vector<std::set<std::string>> keys;  // of the objects around the place that is read
  const auto watch = [&](int depth, Json::parse_event_t event, Json& item) {
    if (depth > json_depth_max) throw Refused{"is nested too deeply"};
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& key = item.get_ref<const std::string&>();
      if (!keys.back().insert(key).second)
        throw Refused{"has the key " + clean_text(key, shown_len_max) + " twice in one object"};
    }
    return true;
  };
  try {
    parsed->root = Json::parse(text.begin(), text.end(), watch);
  } catch (const Refused& refused) {
    parsed->fault = refused.why;
  } catch (const Json::exception& wrong) {
    // "[json.exception.parse_error.101] parse error at line 1, …"
    const std::string what = wrong.what();
    const auto end = what.find("] ");
    parsed->fault = "is no JSON: " + clean_text(end == std::string::npos ? what : what.substr(end + 2), 200);
  }
  parsed_ = std::move(parsed);
}

Readings JsonDocument::at(std::string_view pointer) const {
  if (!parsed_->fault.empty()) return fault(Readings::Fault::unreadable, parsed_->fault);
  const auto absent = [&] { return fault(Readings::Fault::absent, "has no " + clean_text(pointer, shown_len_max)); };
  const Json* place = &parsed_->root;
  for (std::string_view rest = pointer; !rest.empty();) {
    rest.remove_prefix(1);  // the '/'
    const auto end = std::min(rest.find('/'), rest.size());
    std::string key(rest.substr(0, end));
    rest.remove_prefix(end);
    for (auto at = key.find('~'); at != std::string::npos; at = key.find('~', at + 1)) {
      key.replace(at, 2, key.compare(at, 2, "~1") == 0 ? "/" : "~");
    }
    if (place->is_object()) {
      const auto found = place->find(key);
      if (found == place->end()) return absent();
      place = &*found;
    } else if (place->is_array()) {
      std::size_t index = 0;
      const auto read = std::from_chars(key.data(), key.data() + key.size(), index);
      const bool whole = read.ec == std::errc() && read.ptr == key.data() + key.size();
      if (!whole || index >= place->size()) return absent();
      place = &(*place)[index];
    } else {
      return absent();
    }
  }
  if (place->is_null()) return fault(Readings::Fault::absent, "has null at " + clean_text(pointer, shown_len_max));
  if (place->is_structured()) {
    return fault(Readings::Fault::unreadable,
                 "has a list or an object at " + clean_text(pointer, shown_len_max) + ", no value");
  }
  Value value;
  value.text = clean_text(place->is_string() ? place->get_ref<const std::string&>() : place->dump(), shown_len_max);
  if (place->is_number()) value.number = place->get<double>();
  return {Readings::Fault::none, {}, {std::move(value)}};
}

Readings read_column(std::string_view text, std::string_view column, std::string_view row_column,
                     std::string_view row) {
  CsvRows rows(text);
  Readings readings;
  if (!rows.next()) return fault(Readings::Fault::unreadable, rows.fault().empty() ? "has no line" : rows.fault());
  const auto header = rows.cells();
  const auto cell = find_column(header, column, readings);
  if (readings.fault != Readings::Fault::none) return readings;
  const auto key = row_column.empty() ? cell : find_column(header, row_column, readings);
  if (readings.fault != Readings::Fault::none) return readings;
  while (rows.next()) {
    const auto& cells = rows.cells();
    if (cells.size() > header.size()) {  // 18,2 without quotes
      return fault(Readings::Fault::unreadable,
                   "has more cells in line " + std::to_string(rows.line()) + " than its first line has columns");
    }
    if (!row_column.empty() && (key >= cells.size() || cells[key] != row)) continue;
    if (cell >= cells.size() || cells[cell].empty()) {
      return fault(Readings::Fault::absent,
                   "has an empty " + clean_text(column, shown_len_max) + " in line " + std::to_string(rows.line()));
    }
    readings.values.push_back(value_of(cells[cell], rows.line()));
    if (readings.values.size() > values_max) return too_many();
  }
  if (!rows.fault().empty()) return fault(Readings::Fault::unreadable, rows.fault());
  if (readings.values.empty()) {
    return fault(Readings::Fault::absent, row_column.empty()
                                              ? std::string("has no row")
                                              : "has no row for " + clean_text(row_column, shown_len_max) + " " +
                                                    clean_text(row, shown_len_max));
  }
  return readings;
}

Readings read_words_after(std::string_view text, std::string_view place) {
  Readings readings;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    for (auto at = line.find(place); at != std::string_view::npos; at = line.find(place, at + place.size())) {
      auto rest = line.substr(at + place.size());
      rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
      const auto word = rest.substr(0, shown_len_max);
      auto end = word.find_first_of(word_ends);
      // 1,9 and 1,234 are one word, of which nobody can tell what number it is.
      while (end < word.size() && word[end] == ',' && end + 1 < word.size() && is_digit(word[end + 1]))
        end = word.find_first_of(word_ends, end + 1);
      readings.values.push_back(value_of(word.substr(0, end), number));
      if (end == std::string_view::npos && word.size() < rest.size()) readings.values.back().number.reset();
      if (readings.values.size() > values_max) return false;
    }
    return true;
  });
  if (readings.values.size() > values_max) return too_many();
  if (readings.values.empty())
    return fault(Readings::Fault::absent, "has no line with '" + clean_text(place, shown_len_max) + "'");
  return readings;
}

std::size_t find_line(std::string_view text, std::string_view pattern) {
  std::size_t found = 0;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    bool fits = true;
    // The parts between the stars, one behind the other: the first place of each leaves the most for those after it.
    for (std::string_view rest = pattern; fits && !rest.empty();) {
      const auto end = std::min(rest.find('*'), rest.size());
      const auto at = line.find(rest.substr(0, end));
      fits = at != std::string_view::npos;
      if (fits) line.remove_prefix(at + end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (fits) found = number;
    return !fits;
  });
  return found;
}

bool is_plain(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\0' || text[at] == '\x1B') return false;
    const auto length = detail::utf8_character_len(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::optional<double> number_from(std::string_view text) {
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace muster::ctl
