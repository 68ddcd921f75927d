// What reach.h finds, in sentences.
#include <algorithm>

#include "rules/config/load_rule.h"
#include "rules/config/percent.h"
#include "rules/config/reach.h"
#include "rules/engine/segment.h"
#include "rules/verdict/sequential_test.h"

namespace muster::rules {
namespace {

constexpr std::uint64_t whole_ppm = SequentialTest::ppm;
constexpr std::size_t segments_named_max = 8;

// Findings of one wave of which the same is to be said: by several guardrails, each of them on all of the segments.
struct Group {
  std::vector<std::size_t> guardrails;
  std::vector<const OutOfReach*> segments;
};

bool say_the_same(const OutOfReach& a, const OutOfReach& b, const Rule& rule) {
  const Guardrail& one = rule.guardrails[a.guardrail];
  const Guardrail& other = rule.guardrails[b.guardrail];
  return a.wave == b.wave && a.can_be_reached() == b.can_be_reached() && one.by == other.by &&
         one.tolerate_ppm == other.tolerate_ppm && one.error_ppm == other.error_ppm &&
         one.advance_after_s == other.advance_after_s;
}

std::string list_text(const std::vector<std::string>& items) {
  std::string text;
  const auto shown = std::min(items.size(), segments_named_max);
  for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : i + 1 == items.size() ? " and " : ", ") + items[i];
  return shown == items.size() ? text : text + " and " + std::to_string(items.size() - shown) + " more";
}

// "about 80 devices with region=de, 5 with region=us"
std::string reached_text(const std::vector<const OutOfReach*>& segments) {
  std::vector<std::string> items;
  for (const auto* found : segments) {
    std::string item = std::to_string(found->devices);
    if (items.empty()) item += found->devices == 1 ? " device" : " devices";
    items.push_back(found->segment.empty() ? item : item + " with " + found->segment);
  }
  return (segments.front()->segment.empty() ? "" : "about ") + list_text(items);
}

std::string guardrails_text(const std::vector<std::size_t>& guardrails, const Rule& rule) {
  std::vector<std::string> names;
  for (const auto index : guardrails) names.push_back(rule.guardrails[index].name);
  return (names.size() == 1 ? "guardrail " : "guardrails ") + list_text(names);
}

std::string needed_text(const Group& group, const Rule& rule) {
  const OutOfReach& found = *group.segments.front();
  const bool segmented = !rule.guardrails[found.guardrail].by.empty();
  std::string text = found.needed ? std::to_string(*found.needed) : "more than any fleet has";
  if (segmented)
    text += found.segments == 1 ? " in its one segment" : " in each of " + std::to_string(found.segments) + " segments";
  if (found.can_be_reached() || !found.needed) return text;
  std::vector<std::string> targets;
  for (const auto* each : group.segments) targets.push_back(std::to_string(each->targets));
  return text + ", and there are only " + list_text(targets);
}

std::string sentence_of(const Group& group, const Rule& rule) {
  const OutOfReach& found = *group.segments.front();
  const Guardrail& guardrail = rule.guardrails[found.guardrail];
  const Wave& wave = rule.waves[found.wave];
  const bool last = found.wave + 1 == rule.waves.size();
  std::string text = "wave " + wave.name + " reaches " + reached_text(group.segments) + "; a pass of " +
                     guardrails_text(group.guardrails, rule) + " at " + percent_text(whole_ppm - guardrail.error_ppm) +
                     " % with tolerate " + percent_text(guardrail.tolerate_ppm) + " % needs " +
                     needed_text(group, rule);
  if (wave.gate == Gate::manual) return text + ": whoever approves the wave decides without it";
  if (guardrail.advance_after_s != 0) {
    return text + ": " + (last ? "the rollout completes" : "it goes on") + " without it " +
           duration_as_written(guardrail.advance_after_s * 1000) + " after it opened";
  }
  text += ": it will hold; lower confidence, raise tolerate, ";
  if (!guardrail.by.empty() && !found.can_be_reached()) text += "judge by fewer attributes, ";
  return text + "or gate: manual";
}

}  // namespace

std::string sentence_of(const OutOfReach& found, const Rule& rule) {
  return sentence_of(Group{{found.guardrail}, {&found}}, rule);
}

std::vector<std::string> sentences_of(const std::vector<OutOfReach>& found, const Rule& rule) {
  std::vector<Group> groups;
  for (const auto& each : found) {
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Group& known) { return say_the_same(*known.segments.front(), each, rule); });
    if (group == groups.end()) group = groups.insert(group, Group());
    auto& guardrails = group->guardrails;
    if (std::find(guardrails.begin(), guardrails.end(), each.guardrail) == guardrails.end())
      guardrails.push_back(each.guardrail);
    // Guardrails by the same attributes have the same segments.
    if (guardrails.size() == 1) group->segments.push_back(&each);
  }
  std::vector<std::string> sentences;
  for (const auto& group : groups) sentences.push_back(sentence_of(group, rule));
  return sentences;
}

std::string sentence_of(const LargeEnough& size, const Wave& wave) {
  const auto devices = std::to_string(size.devices);
  const auto key = size.percent != 0 ? "percent: " + std::to_string(size.percent) + " (" + devices + " devices)"
                                     : "devices: " + devices;
  return "wave " + wave.name + " would be large enough with " + key + (wave.is_ring() ? " instead of its ring" : "");
}

}  // namespace muster::rules
