// The exec probe of the end-to-end tests: gets the slot's path as its last argument and judges model.txt in it. Healthy
// (0) when it begins with "good"; never answers when it begins with "hang"; otherwise 1 with a sentence.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: probe_good_file SLOT\n", stderr);
    return 2;
  }
  const std::string slot = argv[argc - 1];
  std::string word;
  std::ifstream(slot + "/model.txt") >> word;
  if (word == "hang") {
    while (true) ::pause();
  }
  if (word == "good") return 0;
  std::fprintf(stderr, "model.txt in %s begins with '%s'\n", slot.c_str(), word.c_str());
  return 1;
}
