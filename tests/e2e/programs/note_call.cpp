// Stands for the workload's commands in the end-to-end tests: note_call FILE WORD appends WORD as a line to FILE. What
// the agent adds to the arguments is ignored.
#include <fcntl.h>
#include <unistd.h>

#include <string>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string line = std::string(argv[2]) + "\n";
  const int file = ::open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const bool written = file >= 0 && ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  return written ? 0 : 1;
}
