#include "tests/house/documents.h"

#include <algorithm>
#include <filesystem>
#include <regex>
#include <string_view>

#include "schemas/topics.h"

namespace muster::house {
namespace {

namespace fs = std::filesystem;

std::string folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

std::string normal(const std::string& folder, const std::string& path) {
  auto text = (fs::path(folder) / path).lexically_normal().generic_string();
  while (!text.empty() && text.back() == '/') text.pop_back();
  return text;
}

// A span is taken for a path of ours when it is spelt like one and begins with a name at the top of the tree or in the
// document's own folder. `device/x/state` is a topic and `/etc/x` a path of the machine: neither begins so.
bool is_about_the_tree(const std::string& span, const std::string& folder, const Claims& claims) {
  static const std::regex spelling("[A-Za-z0-9_.][A-Za-z0-9_./-]*");
  static const std::regex file_name("[A-Za-z0-9_-]+\\.(md|h|cpp|fbs|cmake|yaml|sh|json|conf|service)");
  if (!std::regex_match(span, spelling)) return false;
  if (parse_topic(std::string(topic_root) + span).kind != TopicKind::unknown) return false;
  if (starts_with(span, "build/") || starts_with(span, "demo-state/")) return false;
  const auto slash = span.find('/');
  if (slash == std::string::npos) return folder.empty() && std::regex_match(span, file_name) && span.back() == 'd';
  const auto first = span.substr(0, slash);
  return claims.paths.count(first) != 0 || (!folder.empty() && claims.paths.count(folder + "/" + first) != 0);
}

bool exists(const std::string& path, const std::string& folder, const Claims& claims) {
  return claims.paths.count(normal("", path)) != 0 || claims.paths.count(normal(folder, path)) != 0;
}

void check_spans(const SourceFile& document, std::string_view line, std::size_t number, const Claims& claims,
                 std::vector<Finding>& findings) {
  static const std::regex span("`([^`]+)`");
  const std::string text(line);
  const auto folder = folder_of(document.path);
  for (std::sregex_iterator found(text.begin(), text.end(), span), end; found != end; ++found) {
    // "scripts/demo --keep" names scripts/demo
    const std::string whole = (*found)[1];
    const std::string path = whole.substr(0, whole.find(' '));
    if (is_about_the_tree(path, folder, claims) && !exists(path, folder, claims)) {
      findings.push_back({document.path, number, "names `" + path + "`, which does not exist"});
    }
  }
}

void check_links(const SourceFile& document, std::string_view line, std::size_t number, const Claims& claims,
                 std::vector<Finding>& findings) {
  static const std::regex link("\\]\\(([^)#: ]+)(#[^)]*)?\\)");
  const std::string text(line);
  for (std::sregex_iterator found(text.begin(), text.end(), link), end; found != end; ++found) {
    const std::string path = (*found)[1];
    if (claims.paths.count(normal(folder_of(document.path), path)) == 0) {
      findings.push_back({document.path, number, "links to " + path + ", which does not exist"});
    }
  }
}

void check_presets(const SourceFile& document, std::string_view line, std::size_t number, const Claims& claims,
                   std::vector<Finding>& findings) {
  static const std::regex preset("--preset[ =]([A-Za-z0-9_-]+)");
  const std::string text(line);
  for (std::sregex_iterator found(text.begin(), text.end(), preset), end; found != end; ++found) {
    const std::string name = (*found)[1];
    if (claims.presets.count(name) == 0)
      findings.push_back({document.path, number, "uses the preset " + name + ", which nobody defined"});
  }
}

void check_sizes(const SourceFile& document, std::string_view line, std::size_t number, const Claims& claims,
                 std::vector<Finding>& findings) {
  static const std::regex size("([0-9]+) bytes \\(`([a-z0-9_]+)`\\)");
  const std::string text(line);
  for (std::sregex_iterator found(text.begin(), text.end(), size), end; found != end; ++found) {
    const auto constant = claims.constants.find((*found)[2]);
    if (constant == claims.constants.end() || constant->second.count((*found)[1]) == 0)
      findings.push_back({document.path, number, "says " + found->str() + ", which no header does"});
  }
}

}  // namespace

Claims claims_of(const std::vector<SourceFile>& tree) {
  Claims claims;
  for (const auto& file : tree) {
    for (std::string path = file.path; !path.empty(); path = folder_of(path)) claims.paths.insert(path);
    static const std::regex constant("constexpr std::(?:size_t|uint32_t) ([a-z0-9_]+) = ([0-9]+);");
    if (is_header(file.path)) {
      for (std::sregex_iterator found(file.text.begin(), file.text.end(), constant), end; found != end; ++found)
        claims.constants[(*found)[1]].insert((*found)[2]);
    }
    if (file.path != "CMakePresets.json") continue;
    static const std::regex name("\"name\": *\"([^\"]+)\"");
    for (std::sregex_iterator found(file.text.begin(), file.text.end(), name), end; found != end; ++found) {
      claims.presets.insert((*found)[1]);
    }
  }
  return claims;
}

std::vector<Finding> check_document(const SourceFile& document, const Claims& claims) {
  std::vector<Finding> findings;
  if (!ends_with(document.path, ".md")) return findings;
  std::size_t number = 0;
  for (const auto line : lines_of(document.text)) {
    ++number;
    check_spans(document, line, number, claims, findings);
    check_links(document, line, number, claims, findings);
    check_presets(document, line, number, claims, findings);
    check_sizes(document, line, number, claims, findings);
  }
  return findings;
}

std::vector<Finding> check_readmes(const std::vector<SourceFile>& tree) {
  std::set<std::string> folders;
  for (const auto& file : tree) {
    const auto slash = file.path.find('/');
    if (slash != std::string::npos && file.path.front() != '.') folders.insert(file.path.substr(0, slash));
  }
  const auto claims = claims_of(tree);
  std::vector<Finding> findings;
  for (const auto& folder : folders) {
    if (claims.paths.count(folder + "/README.md") == 0) findings.push_back({folder, 0, "has no README.md"});
  }
  return findings;
}

}  // namespace muster::house
