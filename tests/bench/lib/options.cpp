#include "tests/bench/lib/options.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace muster::bench {
namespace {

constexpr int rounds_max = 1000;

void print_usage(std::FILE* to, const char* program) {
  std::fprintf(to,
               "usage: %s [--rounds N] [--quick] [--seed S]\n"
               "  --rounds N  rounds to measure, 1 to %d; 5 when not given\n"
               "  --quick     a smoke run at small sizes: its figures prove nothing\n"
               "  --seed S    where everything random comes from\n",
               program, rounds_max);
}

[[noreturn]] void refuse(const char* program, const char* what) {
  std::fprintf(stderr, "%s: %s\n", program, what);
  print_usage(stderr, program);
  std::exit(2);
}

std::uint64_t number_after(int& i, int argc, char** argv) {
  if (i + 1 >= argc) refuse(argv[0], "a number is missing after the last option");
  const char* text = argv[++i];
  char* end = nullptr;
  errno = 0;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  if (errno != 0 || *text < '0' || *text > '9' || *end != '\0') refuse(argv[0], "a number was expected");
  return value;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option(argv[i]);
    if (option == "--quick") {
      options.quick = true;
    } else if (option == "--seed") {
      options.seed = number_after(i, argc, argv);
    } else if (option == "--rounds") {
      const auto rounds = number_after(i, argc, argv);
      if (rounds < 1 || rounds > rounds_max) refuse(argv[0], "--rounds takes 1 to 1000");
      options.rounds = static_cast<int>(rounds);
    } else if (option == "-h" || option == "--help") {
      print_usage(stdout, argv[0]);
      std::exit(0);
    } else {
      refuse(argv[0], "unknown option");
    }
  }
  std::fprintf(stderr, "%s: %d rounds%s, seed %llu\n", argv[0], options.rounds, options.quick ? ", quick" : "",
               static_cast<unsigned long long>(options.seed));
  return options;
}

void break_off(const char* format, ...) {
  std::fputs("the measurement broke off: ", stderr);
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stderr, format, arguments);
  va_end(arguments);
  std::fputc('\n', stderr);
  std::exit(1);
}

}  // namespace muster::bench
