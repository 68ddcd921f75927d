// What the reader's tests share: a folder that goes away with the test, Debian's models, a socket that listens as the
// agent does.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace muster::reader::testing {

namespace fs = std::filesystem;

inline const std::string models_dir = "/usr/share/tesseract-ocr/5/tessdata/";

inline std::string read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write_all(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "muster-reader-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "mkdtemp: " << std::strerror(errno);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

  // A slot as the agent makes it, with one of Debian's models cut to `len` bytes.
  fs::path make_slot(const std::string& slot, const std::string& language, std::size_t len = std::string::npos) const {
    const auto folder = path_ / "slots" / slot;
    write_all(folder / (language + ".traineddata"), read_all(models_dir + language + ".traineddata").substr(0, len));
    return folder;
  }

  // Points `active` at a slot, by one rename as the agent does.
  fs::path activate(const fs::path& slot) const {
    const auto link = path_ / "active";
    const auto fresh = path_ / "active.new";
    fs::create_directory_symlink(slot, fresh);
    fs::rename(fresh, link);
    return link;
  }

 private:
  fs::path path_;
};

// The agent's end of the StatsD socket.
class MetricSocket {
 public:
  explicit MetricSocket(const fs::path& path) : path_(path), socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      ADD_FAILURE() << std::strerror(errno);
  }
  ~MetricSocket() {
    close(socket_);
    unlink(path_.c_str());
  }
  MetricSocket(const MetricSocket&) = delete;
  MetricSocket& operator=(const MetricSocket&) = delete;

  // The next datagram; empty when none comes within `ms`.
  std::string receive(int ms = 10000) {
    pollfd ready{socket_, POLLIN, 0};
    if (poll(&ready, 1, ms) <= 0) return {};
    char buffer[4096];
    const auto got = recv(socket_, buffer, sizeof buffer, 0);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
  }

  // Whether a datagram with `line` among its lines comes before as many datagrams as `patience` have gone by.
  bool wait_for(const std::string& line, int patience = 200) {
    for (int i = 0; i < patience; ++i) {
      const auto datagram = receive();
      if (datagram.empty()) return false;
      if (("\n" + datagram + "\n").find("\n" + line + "\n") != std::string::npos) return true;
    }
    return false;
  }

 private:
  fs::path path_;
  int socket_;
};

}  // namespace muster::reader::testing
