#include "operator/rule_files.h"

#include "host/files.h"
#include "operator/render/moment.h"
#include "schemas/limits.h"

namespace muster::ctl {

Error error_of(const std::string& source, const std::vector<rules::Diagnostic>& diagnostics) {
  auto message = source + " has " + count_text(diagnostics.size(), "error");
  for (const auto& diagnostic : diagnostics) message += "\n" + diagnostic.text();
  return {ErrorKind::invalid, std::move(message)};
}

tl::expected<CheckedRule, Error> read_rule(const std::string& file) {
  auto bytes = host::read_file(file, limits::rule_text_len_max);
  if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
  CheckedRule checked;
  checked.text = ByteView(*bytes).text();
  auto loaded = rules::load_rule(checked.text, file);
  if (!loaded.rule) return tl::make_unexpected(error_of(file, loaded.diagnostics));
  checked.rule = std::move(*loaded.rule);
  checked.lines = std::move(loaded.lines);
  checked.preset = std::move(loaded.preset);
  return checked;
}

tl::expected<rules::DescribedFleet, Error> read_fleet(const std::string& file) {
  auto bytes = host::read_file(file, limits::rule_text_len_max);
  if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
  auto loaded = rules::load_fleet(ByteView(*bytes).text(), file);
  if (!loaded.fleet) return tl::make_unexpected(error_of(file, loaded.diagnostics));
  return std::move(*loaded.fleet);
}

}  // namespace muster::ctl
