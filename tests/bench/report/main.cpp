// bench_report: what scripts/bench does with the measures once the programs have run.
//
//   bench_report collect --rounds N [--quick] [--commit C] --folder D OUT LINES...   lines of the programs into one
//   results file bench_report table RESULTS            prints the table; exit code 3 when a budget was missed
//   bench_report markdown RESULTS DOCUMENT   writes machine and table between the document's markers
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/bench/report/machine.h"
#include "tests/bench/report/results.h"
#include "tests/bench/report/table.h"

namespace {

using namespace muster::bench;

constexpr int missed_code = 3;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_report: %s\n", why.c_str());
  std::exit(1);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) give_up("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) give_up("cannot write " + path);
}

Results read_results(const std::string& path) {
  auto parsed = parse_results(read_file(path));
  if (!parsed.fault.empty()) give_up(path + " holds no results: " + parsed.fault);
  return std::move(parsed.results);
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

int collect(const std::vector<std::string>& args) {
  Results results;
  results.date = today();
  std::string folder = ".";
  std::vector<std::string> files;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool has_value = i + 1 < args.size();
    if (args[i] == "--quick") {
      results.quick = true;
    } else if (args[i] == "--rounds" && has_value) {
      results.rounds = std::atoi(args[++i].c_str());
    } else if (args[i] == "--commit" && has_value) {
      results.commit = args[++i];
    } else if (args[i] == "--folder" && has_value) {
      folder = args[++i];
    } else {
      files.push_back(args[i]);
    }
  }
  if (files.size() < 2) give_up("collect needs the file to write and at least one to read");
  results.machine = describe_machine(folder);
  for (std::size_t i = 1; i < files.size(); ++i) {
    const auto fault = add_lines(read_file(files[i]), results.measures);
    if (!fault.empty()) give_up(files[i] + ": " + fault);
  }
  if (results.measures.empty()) give_up("nothing was measured");
  write_file(files[0], to_json(results));
  return 0;
}

int table(const std::string& path) {
  const auto results = read_results(path);
  std::fputs(terminal_table(results).c_str(), stdout);
  return missed_count(results) == 0 ? 0 : missed_code;
}

int markdown(const std::string& path, const std::string& document) {
  const auto changed = with_section(read_file(document), markdown_section(read_results(path)));
  if (changed.empty()) give_up(document + " does not have the two lines that mark where the table goes");
  write_file(document, changed);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (!args.empty() && args[0] == "collect") return collect({args.begin() + 1, args.end()});
  if (args.size() == 2 && args[0] == "table") return table(args[1]);
  if (args.size() == 3 && args[0] == "markdown") return markdown(args[1], args[2]);
  give_up("usage: bench_report collect … | table RESULTS | markdown RESULTS DOCUMENT; scripts/bench calls it");
}
