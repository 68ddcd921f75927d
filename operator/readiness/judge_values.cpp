#include "operator/readiness/judge_values.h"

#include <algorithm>
#include <charconv>

namespace muster::ctl {
namespace {

using rules::PolicyCheck;

std::string number_text(double value) {
  char digits[64];
  const auto written = std::to_chars(digits, digits + sizeof digits, value);
  return {digits, written.ptr};
}

bool has_bounds(const PolicyCheck& check) {
  return check.min.any() || check.max.any();
}

// A number in JSON is compared as one, 1 is 1.0. What a text file says may be a version: 2.1 is not 2.10.
bool is_same(const Value& value, const std::string& wanted) {
  const auto number = value.line == 0 ? number_from(wanted) : std::nullopt;
  return value.text == wanted || (value.number && number && *value.number == *number);
}

// Why the value is not what is asked for; empty when it is.
std::string trouble_of(const PolicyCheck& check, std::string_view device_class, const JudgedRelease& release,
                       const Value& value) {
  if (has_bounds(check)) {
    if (!value.number) return "'" + value.text + "' is no number";
    const double* least = check.min.of(device_class);
    const double* most = check.max.of(device_class);
    if (least != nullptr && !(*value.number >= *least)) return value.text + " is below " + number_text(*least);
    if (most != nullptr && !(*value.number <= *most)) return value.text + " is above " + number_text(*most);
    return {};
  }
  if (!check.is.empty()) {
    const bool found =
        std::any_of(check.is.begin(), check.is.end(), [&](const auto& wanted) { return is_same(value, wanted); });
    return found ? std::string() : "it is '" + value.text + "'";
  }
  if (check.names == PolicyCheck::Names::release) {
    return value.text == release.name_at_version ? std::string()
                                                 : "it names '" + value.text + "' and not " + release.name_at_version;
  }
  const bool found = std::any_of(release.files.begin(), release.files.end(),
                                 [&](const DigestedFile& file) { return to_hex(file.sha256) == value.text; });
  return found ? std::string() : "'" + value.text + "' is not the SHA-256 of a file of this release";
}

std::string measured_text(const PolicyCheck& check, const std::vector<Value>& values) {
  if (values.size() == 1) return values.front().text;
  if (!has_bounds(check)) return std::to_string(values.size()) + " values";
  const auto less = [](const Value& a, const Value& b) { return a.number.value_or(0) < b.number.value_or(0); };
  const auto [least, most] = std::minmax_element(values.begin(), values.end(), less);
  return least->text + " to " + most->text;
}

}  // namespace

std::string bound_text(const PolicyCheck& check, std::string_view device_class) {
  if (has_bounds(check)) {
    const double* least = check.min.of(device_class);
    const double* most = check.max.of(device_class);
    if ((check.min.any() && least == nullptr) || (check.max.any() && most == nullptr)) return {};
    std::string text;
    if (least != nullptr) text = ">= " + number_text(*least);
    if (most != nullptr) text += (text.empty() ? "<= " : ", <= ") + number_text(*most);
    return text;
  }
  std::string text;
  for (const auto& wanted : check.is) text += (text.empty() ? "" : " or ") + wanted;
  if (check.names == PolicyCheck::Names::release) text = "this release";
  if (check.names == PolicyCheck::Names::file) text = "a file of this release";
  return text;
}

void judge_values(const PolicyCheck& check, std::string_view device_class, const JudgedRelease& release,
                  const Readings& readings, Finding& finding) {
  for (const auto& value : readings.values) {
    auto trouble = trouble_of(check, device_class, release, value);
    if (trouble.empty()) continue;
    finding.result = Result::fail;
    finding.measured = value.text;
    finding.why = (value.line == 0 ? std::string() : "line " + std::to_string(value.line) + ": ") + std::move(trouble);
    return;
  }
  finding.result = Result::pass;
  finding.measured = measured_text(check, readings.values);
}

}  // namespace muster::ctl
