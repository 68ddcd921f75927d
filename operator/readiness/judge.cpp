#include "operator/readiness/judge.h"

#include <algorithm>
#include <optional>

#include "operator/readiness/judge_values.h"
#include "operator/readiness/readings.h"
#include "rules/config/day.h"
#include "rules/config/load_confirmations.h"
#include "schemas/limits.h"

namespace muster::ctl {
namespace {

using rules::PolicyCheck;
using rules::with_class;
using Kind = rules::PolicyCheck::Kind;

std::string joined(const std::vector<std::string>& texts, const char* between) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : between) + text;
  return all;
}

// Judges one item after the other; keeps the last file, since checks of one file mostly stand together.
class Judge {
 public:
  Judge(const JudgedRelease& release, const EvidenceSet& evidence) : release_(release), evidence_(evidence) {}

  std::vector<Finding> look(const rules::PolicyItem& item) {
    findings_.clear();
    for (const auto& check : item.checks) look(item, check);
    return std::move(findings_);
  }

 private:
  void look(const rules::PolicyItem& item, const PolicyCheck& check) {
    if (!check.is_per_class()) return look_once(item, check, {});
    if (release_.classes.empty()) {
      findings_.push_back({Result::missing,
                           check.file,
                           check.place,
                           {},
                           {},
                           "the release says for no device class that it runs there, so that nothing can be judged by "
                           "class; add compatible: { class: [...] } to the release file"});
    }
    for (const auto& device_class : release_.classes) look_once(item, check, device_class);
  }

  void look_once(const rules::PolicyItem& item, const PolicyCheck& check, const std::string& device_class) {
    Finding finding;
    finding.what = what_of(check, device_class);
    if (!open(check, device_class, finding)) {
      findings_.push_back(std::move(finding));
      return;
    }
    switch (check.kind) {
      case Kind::present:
        finding.measured = std::to_string(file_->size) + " bytes";
        break;
      case Kind::value:
      case Kind::word_after:
        look_at_values(check, device_class, {}, finding);
        break;
      case Kind::column:
        return look_at_rows(check, device_class, finding);
      case Kind::line:
      case Kind::no_line:
        return look_at_lines(check, finding);
      case Kind::confirmation:
        look_at_confirmation(item, check, finding);
        break;
    }
    findings_.push_back(std::move(finding));
  }

  static std::string what_of(const PolicyCheck& check, const std::string& device_class) {
    switch (check.kind) {
      case Kind::present:
        return "is there";
      case Kind::confirmation:
        return "confirmed by a person";
      case Kind::value:
        return with_class(check.place, device_class);
      case Kind::word_after:
        return "word after '" + check.place + "'";
      case Kind::line:
      case Kind::no_line:
        return "'" + joined(check.patterns, "', '") + "'";
      case Kind::column:
        break;
    }
    return check.place;
  }

  // Finds and reads the check's file; false when the finding already says why not.
  bool open(const PolicyCheck& check, const std::string& device_class, Finding& finding) {
    finding.evidence = with_class(check.file, device_class);
    std::string several;
    file_ = evidence_.find(finding.evidence, several);
    const auto lacks = [&](Result result, std::string why) {
      finding.result = result;
      finding.why = std::move(why);
      return false;
    };
    if (!several.empty()) return lacks(Result::missing, "several files have this name: " + several);
    if (file_ == nullptr) return lacks(Result::missing, "no such file is among the release's evidence");
    finding.evidence = file_->name;
    if (file_->size == 0) return lacks(Result::missing, "the file is empty");
    if (check.kind == Kind::present) return true;
    if (file_->size > limits::judged_file_len_max) {
      return lacks(Result::fail, "the file has " + std::to_string(file_->size) + " bytes, and only " +
                                     std::to_string(limits::judged_file_len_max) + " can be looked into");
    }
    if (file_->name != text_of_) {
      auto text = evidence_.read(*file_);
      if (!text) return lacks(Result::missing, text.error().message);
      text_ = std::move(*text);
      text_of_ = file_->name;
      json_.reset();
    }
    if (check.kind != Kind::value && !is_plain(text_))
      return lacks(
          Result::fail,
          "the file is no plain text: it holds bytes that are not UTF-8, or escape sequences; write it as UTF-8, "
          "without colours");
    return true;
  }

  void look_at_values(const PolicyCheck& check, const std::string& device_class, const std::string& row,
                      Finding& finding) {
    finding.bound = bound_text(check, device_class);
    if (finding.bound.empty()) {
      finding.result = Result::missing;
      finding.why = "the policy has no limit for the class " + device_class + "; add one, or '*' for all others";
      return;
    }
    const auto readings = read(check, device_class, row);
    if (readings.fault == Readings::Fault::none) return judge_values(check, device_class, release_, readings, finding);
    finding.result = readings.fault == Readings::Fault::absent ? Result::missing : Result::fail;
    finding.why = "the file " + readings.why;
  }

  Readings read(const PolicyCheck& check, const std::string& device_class, const std::string& row) {
    if (check.kind == Kind::column) return read_column(text_, check.place, check.row_column, row);
    if (check.kind == Kind::word_after) return read_words_after(text_, check.place);
    if (!json_) json_.emplace(text_);
    return json_->at(with_class(check.place, device_class));
  }

  void look_at_rows(const PolicyCheck& check, const std::string& device_class, const Finding& start) {
    std::vector<std::string> rows = check.row_values;
    if (check.rows == PolicyCheck::Rows::each_class) rows = {device_class};
    if (check.rows == PolicyCheck::Rows::all) rows = {""};
    for (const auto& row : rows) {
      Finding finding = start;
      finding.what = check.place + (check.row_column.empty() ? " of every row" : " of " + check.row_column + " " + row);
      look_at_values(check, device_class, row, finding);
      findings_.push_back(std::move(finding));
    }
  }

  void look_at_lines(const PolicyCheck& check, const Finding& start) {
    const bool wanted = check.kind == Kind::line;
    for (const auto& pattern : check.patterns) {
      Finding finding = start;
      finding.what = "'" + pattern + "'";
      finding.bound = wanted ? "a line" : "no line";
      const auto line = find_line(text_, pattern);
      finding.measured = line == 0 ? "no line" : "line " + std::to_string(line);
      if (wanted && line == 0) {
        finding.result = Result::missing;
        finding.why = "no line of the file has it";
      } else if (!wanted && line != 0) {
        finding.result = Result::fail;
        finding.why = "line " + std::to_string(line) + " has it";
      }
      findings_.push_back(std::move(finding));
    }
  }

  void look_at_confirmation(const rules::PolicyItem& item, const PolicyCheck& check, Finding& finding) {
    finding.bound = check.by.empty() ? "a person's name" : joined(check.by, " or ");
    if (check.within_s != 0) finding.bound += ", within " + std::to_string(check.within_s / rules::day_s) + " days";
    const auto says = [&](Result result, std::string why) {
      finding.result = result;
      finding.why = std::move(why);
    };
    const auto loaded = rules::load_confirmations(text_, file_->name);
    if (!loaded.confirmations) return says(Result::fail, loaded.diagnostics.front().text());
    if (loaded.confirmations->release != release_.name_at_version) {
      return says(Result::fail,
                  "the file confirms " + loaded.confirmations->release + " and not " + release_.name_at_version);
    }
    const auto* found = loaded.confirmations->find(item.id);
    if (found == nullptr) return says(Result::missing, "nobody has confirmed it");
    finding.measured = found->by + ", " + found->day;
    if (!check.by.empty() && std::find(check.by.begin(), check.by.end(), found->by) == check.by.end())
      return says(Result::fail, found->by + " is not who may confirm it");
    // A day begins earlier in the east than in UTC.
    if (found->day_end_s > release_.judged_s + 2 * rules::day_s) return says(Result::fail, "that day has not come yet");
    if (check.within_s != 0 && found->day_end_s + check.within_s < release_.judged_s)
      return says(Result::fail, "it is older than the policy allows");
  }

  const JudgedRelease& release_;
  const EvidenceSet& evidence_;
  std::vector<Finding> findings_;
  const DigestedFile* file_ = nullptr;
  std::string text_, text_of_;
  std::optional<JsonDocument> json_;
};

Result worst_of(const std::vector<Finding>& findings) {
  const auto has = [&](Result result) {
    return std::any_of(findings.begin(), findings.end(), [&](const auto& finding) { return finding.result == result; });
  };
  return has(Result::fail) ? Result::fail : has(Result::missing) ? Result::missing : Result::pass;
}

}  // namespace

std::string_view name_of(Result result) {
  constexpr std::string_view names[] = {"pass", "fail", "missing", "later"};
  return names[static_cast<std::size_t>(result)];
}

std::size_t Judgement::count(Result result) const {
  return static_cast<std::size_t>(
      std::count_if(items.begin(), items.end(), [&](const auto& item) { return item.result == result; }));
}

bool Judgement::passed() const {
  return count(Result::fail) == 0 && count(Result::missing) == 0 && count(Result::pass) > 0;
}

Judgement judge(const rules::Policy& policy, const Sha256& policy_sha256, const JudgedRelease& release,
                const EvidenceSet& evidence, const Stages& stages) {
  Judgement judgement{release.name_at_version, policy.name, policy.version, policy_sha256, release.judged_s, {}};
  Judge bench(release, evidence);
  for (const auto& item : policy.items) {
    JudgedItem judged{item.id, item.role, item.says, item.stage, Result::later, {}};
    if (stages.has(item.stage)) {
      judged.findings = bench.look(item);
      judged.result = worst_of(judged.findings);
    }
    judgement.items.push_back(std::move(judged));
  }
  return judgement;
}

}  // namespace muster::ctl
