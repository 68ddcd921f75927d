// Small files, read whole and written so that a crash leaves the old or the new one, never half. Linux; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::host {

// The file's bytes; an error when it is longer than `len_max`.
[[nodiscard]] tl::expected<Bytes, Error> read_file(const std::string& path, std::size_t len_max);

// Writes to a temporary file beside `path` (`path`.tmp, so that a crash leaves at most one behind), syncs it, renames
// it over `path` and syncs the folder. On an error `path` is as it was. REQUIRES: nobody else writes the same path
// meanwhile.
[[nodiscard]] tl::expected<void, Error> write_file_durably(const std::string& path, ByteView bytes,
                                                           unsigned mode = 0644);

// Makes a file that must not exist yet, durably; ErrorKind::exists when it does, and nothing is left behind on an
// error.
[[nodiscard]] tl::expected<void, Error> write_new_file(const std::string& path, ByteView bytes, unsigned mode = 0644);

// Makes a folder with its parents where they are missing, each durably; fine when it is there. An error names the
// folder.
[[nodiscard]] tl::expected<void, Error> make_folders(const std::string& path);

// Syncs a folder, which makes renames and new names in it durable.
[[nodiscard]] tl::expected<void, Error> sync_folder(const std::string& path);

}  // namespace muster::host
