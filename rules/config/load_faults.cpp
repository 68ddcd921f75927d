#include "rules/config/load_faults.h"

#include <algorithm>

#include "rules/condition/did_you_mean.h"
#include "rules/config/behaviour.h"
#include "rules/config/fields.h"
#include "rules/engine/readings.h"
#include "schemas/ids.h"

namespace muster::rules {

namespace {

constexpr std::uint32_t whole_ppm = 1'000'000;
constexpr std::uint32_t increase_ppm_max = 100 * whole_ppm;
constexpr std::uint32_t number_max = 999'999'999;
constexpr std::uint64_t after_s_max = 365ull * 86'400;
constexpr std::string_view form =
    "RELEASE: WHAT, such as 'reader@2: edit_distance +40% where device.region == \"de\"' or 'reader@2: fails 3%'";

using Kind = Fault::Kind;
struct Verb {
  std::string_view word;
  Kind kind;
};
constexpr Verb verbs[] = {
    {"fails", Kind::fails}, {"hangs", Kind::hangs}, {"sticks", Kind::sticks}, {"rolls_back", Kind::rolls_back}};

class FaultReader {
 public:
  FaultReader(const YamlNode& node, const Rule& rule, Problems& problems)
      : node_(node), text_(node.text), rule_(rule), problems_(problems) {}

  Fault read() {
    fault_.text = node_.text;
    // A condition may hold any word, and a version no space: the text is cut at the first of each.
    const auto colon = text_.find(':');
    const auto where = text_.find(" where ");
    const auto end = std::min(where, text_.size());
    if (colon == std::string_view::npos || colon > end) {
      problems_.add(node_, "a fault without the release that it is of", std::string(form));
      return fault_;
    }
    read_release(part(0, colon));
    split(colon + 1, end);
    read_what();
    while (next_ < words_.size()) read_option();
    check_times();
    if (where != std::string_view::npos) {
      const auto start = where + std::string_view(" where ").size();
      auto condition = read_condition(part(start, text_.size()), "where", target_vocabulary(), problems_);
      if (condition) fault_.where = std::move(condition->program);
    }
    return fault_;
  }

 private:
  // A part of the text as a value of its own, at its place in the source.
  [[nodiscard]] YamlNode part(std::size_t start, std::size_t end) const {
    while (start < end && text_[start] == ' ') ++start;
    while (end > start && text_[end - 1] == ' ') --end;
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.text = std::string(text_.substr(start, end - start));
    node.offset = offset_in_scalar(problems_.source(), node_, start);
    return node;
  }

  void split(std::size_t start, std::size_t end) {
    while (start < end) {
      start = std::min(text_.find_first_not_of(' ', start), end);
      const auto stop = std::min(text_.find(' ', start), end);
      if (stop > start) words_.push_back(part(start, stop));
      start = stop;
    }
  }

  // The next word; nothing, with a problem that says what should stand there, when there is none.
  const YamlNode* take(std::string_view expected) {
    if (next_ < words_.size()) return &words_[next_++];
    problems_.add(words_.empty() ? node_ : words_.back(), "the fault ends here", std::string(expected));
    return nullptr;
  }

  void read_release(const YamlNode& node) {
    const auto ref = read_release_ref(node, "the release", problems_);
    if (!ref) return;
    std::string releases;
    for (const auto& version : rule_.versions) {
      if (version.name == ref->name && version.version == ref->version) {
        fault_.plane = version.plane;
        return;
      }
      releases += (releases.empty() ? "" : ", ") + version.name + "@" + version.version;
    }
    problems_.add(node, "the rule does not roll out " + node.text, "a fault of " + releases);
  }

  void read_what() {
    const YamlNode* word = take(form);
    if (word == nullptr) return;
    const auto verb =
        std::find_if(std::begin(verbs), std::end(verbs), [&](const Verb& v) { return v.word == word->text; });
    if (verb != std::end(verbs)) {
      fault_.kind = verb->kind;
      if (const YamlNode* share = take("a share, such as 3%")) read_share(*share);
      if (fault_.kind == Kind::fails) fault_.word = "probe_failed";
      if (fault_.kind == Kind::rolls_back) fault_.word = "recovery_rollback";
      return;
    }
    read_metric(*word);
  }

  void read_metric(const YamlNode& word) {
    std::vector<std::string_view> known = {delegate_metric};
    for (const auto& verb : verbs) known.push_back(verb.word);
    for (std::size_t i = 0; i < reading_count; ++i) known.push_back(name_of(static_cast<Reading>(i)));
    const YamlNode* change = next_ < words_.size() ? &words_[next_++] : nullptr;
    if (change == nullptr) {
      const auto meant = closest(word.text, known);
      const bool slip = !meant.empty() && meant != word.text;
      problems_.add(word, in_quotes(word.text) + " alone says nothing",
                    slip ? "did you mean '" + std::string(meant) + "', and how much?"
                         : "how it changes behind it: +40%, -10%, = 250 or missing");
      return;
    }
    if (!is_id(word.text)) {
      problems_.add(word, in_quotes(word.text) + " is no metric", "a standard key such as p95_ms, or a task metric");
      return;
    }
    fault_.metric = word.text;
    const char sign = change->text.front();
    if (change->text == "missing") {
      fault_.kind = Kind::vanishes;
    } else if (change->text == "=") {
      fault_.kind = Kind::becomes;
      if (const YamlNode* value = take("the value, such as p95_ms = 250")) read_value(*value);
    } else if ((sign == '+' || sign == '-') && fault_.metric != delegate_metric) {
      fault_.kind = Kind::changes;
      YamlNode share = *change;
      share.text.erase(0, 1);
      const auto ppm = read_percent_ppm(share, "the change", 0, sign == '+' ? increase_ppm_max : whole_ppm, problems_);
      const double by = static_cast<double>(ppm.value_or(0)) / whole_ppm;
      fault_.number = sign == '+' ? 1 + by : 1 - by;
    } else {
      const auto meant = closest(word.text, known);
      const bool slip = !meant.empty() && meant != word.text && !reading_from(word.text);
      problems_.add(*change, in_quotes(change->text) + " is no change of " + word.text,
                    slip ? "did you mean '" + std::string(meant) + "'?" : "+40%, -10%, = 250 or missing");
    }
  }

  void read_value(const YamlNode& node) {
    if (fault_.metric == delegate_metric) {
      fault_.word = read_id(node, "the delegate", problems_).value_or("");
    } else if (reading_from(fault_.metric) == Reading::thermal) {
      fault_.number = read_thermal(node, problems_).value_or(0);
    } else {
      fault_.number = read_number(node, fault_.metric, number_max, problems_).value_or(0);
    }
  }

  void read_share(const YamlNode& node) {
    fault_.hits_ppm = read_percent_ppm(node, "the share", 1, whole_ppm, problems_).value_or(0);
  }

  void read_option() {
    const YamlNode& word = words_[next_++];
    if (word.text == "on" && fault_.of_metric()) {
      if (const YamlNode* share = take("a share of the devices, such as 20%")) read_share(*share);
    } else if (word.text == "after" && fault_.kind != Kind::fails && fault_.kind != Kind::sticks) {
      if (const YamlNode* time = take("a duration, such as 6h"))
        fault_.after_s = read_duration_s(*time, "after", 1, after_s_max, problems_).value_or(0);
    } else if (word.text == "with" && (fault_.kind == Kind::fails || fault_.kind == Kind::rolls_back)) {
      if (const YamlNode* error = take("an error, such as probe_timeout"))
        fault_.word = read_id(*error, "the error", problems_).value_or("");
    } else {
      std::string options = fault_.of_metric() ? "'on 20%', " : "";
      if (fault_.kind != Kind::fails && fault_.kind != Kind::sticks) options += "'after 6h', ";
      if (fault_.kind == Kind::fails || fault_.kind == Kind::rolls_back) options += "'with probe_timeout', ";
      problems_.add(word, in_quotes(word.text) + " has no meaning here", options + "'where CONDITION' or nothing");
      next_ = words_.size();  // what follows belongs to it
    }
  }

  void check_times() {
    if (fault_.kind != Kind::rolls_back || fault_.after_s != 0 || problems_.any()) return;
    problems_.add(node_, "rolls_back without a time", "'after 6h', counted from when the device committed; or 'fails'");
  }

  const YamlNode& node_;
  std::string_view text_;
  const Rule& rule_;
  Problems& problems_;
  Fault fault_;
  std::vector<YamlNode> words_;  // of what stands between the release and `where`
  std::size_t next_ = 0;
};

}  // namespace

LoadedFaults load_fault(std::string_view text, const std::string& source, const Rule& rule) {
  Problems problems(text, source);
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.text = std::string(text);
  LoadedFaults loaded;
  auto fault = FaultReader(node, rule, problems).read();
  if (!problems.any()) loaded.faults.push_back(std::move(fault));
  loaded.diagnostics = problems.take();
  return loaded;
}

LoadedFaults load_faults(std::string_view text, const std::string& file, const Rule& rule) {
  Problems problems(without_bom(text), file);
  LoadedFaults loaded;
  if (const auto document = read_yaml(problems)) {
    Fields fields(*document, "a file of faults", {"faults"}, problems);
    const YamlNode* list = fields.require("faults", "faults: ['reader@2: fails 3%']");
    const auto* items = list == nullptr ? nullptr : read_list(*list, "faults", 1, faults_max, problems);
    for (std::size_t i = 0; items != nullptr && i < items->size(); ++i) {
      const YamlNode& item = (*items)[i];
      if (item.kind == YamlNode::Kind::scalar) {
        loaded.faults.push_back(FaultReader(item, rule, problems).read());
      } else {
        problems.add(item, "a fault is " + std::string(kind_of(item)), "a text in quote marks: \"reader@2: fails 3%\"");
      }
    }
  }
  if (problems.any()) loaded.faults.clear();
  loaded.diagnostics = problems.take();
  return loaded;
}

}  // namespace muster::rules
