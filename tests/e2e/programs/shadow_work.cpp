// What runs a release in the shadow in the end-to-end tests: gets the slot's path as its last argument. As long as it
// lives it measures ten times a second, and says so to the socket that MUSTER_STATSD names, an edit distance of the
// number at the end of model.txt ("good 14"). A model.txt that begins with "crash" makes it end with exit code 3.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

constexpr int interval_ms = 100;

}  // namespace

int main(int argc, char** argv) {
  const char* socket_path = std::getenv("MUSTER_STATSD");
  if (argc < 2 || socket_path == nullptr) return 2;
  std::ifstream file(std::filesystem::path(argv[argc - 1]) / "model.txt");
  std::string word, number;
  if (!(file >> word)) return 2;
  if (word == "crash") return 3;
  if (!(file >> number)) number.assign(1, '1');
  std::string line = "edit_distance:";
  line.append(number).append("|g");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(socket_path) >= sizeof address.sun_path) return 2;
  std::strcpy(address.sun_path, socket_path);
  const int out = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (out < 0) return 2;
  while (true) {
    (void)::sendto(out, line.data(), line.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    (void)::poll(nullptr, 0, interval_ms);
  }
}
