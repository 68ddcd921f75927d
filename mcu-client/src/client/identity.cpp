#include "mcu-client/src/client/identity.h"

namespace muster::mcu {

namespace {

// Fills the texts one after the other.
struct Reader {
  const RecordLog& log;
  Identity& identity;
  std::uint32_t used = 0;

  int text(IdentityKey key, std::string_view& to) {
    char* const place = identity.text + used;
    const std::uint32_t left = identity_text_max - used;
    const int size = log.read(static_cast<std::uint8_t>(key), place, left == 0 ? 0 : left - 1);
    if (size == err_not_found) return ok;
    if (size == err_too_long) return err_no_space;
    if (size < 0) return size;
    if (left == 0) return err_no_space;
    const auto bytes = static_cast<std::uint32_t>(size);
    place[bytes] = '\0';
    used += bytes + 1;
    to = {place, bytes};
    return ok;
  }
};

int split_tags(std::string_view all, Identity& identity) {
  while (!all.empty()) {
    if (identity.tag_count == identity_tags_max) return err_provisioning;
    const auto end = all.find('\0');
    const auto tag = all.substr(0, end);
    if (tag.empty() || tag.size() > limits::attribute_len_max) return err_provisioning;
    identity.tags[identity.tag_count++] = tag;
    all.remove_prefix(end == std::string_view::npos ? all.size() : end + 1);
  }
  return ok;
}

}  // namespace

int load(const RecordLog& log, Identity& identity) {
  struct Text {
    IdentityKey key;
    std::string_view Identity::*field;
  };
  static constexpr Text texts[] = {
      {IdentityKey::device_id, &Identity::device_id},     {IdentityKey::device_class, &Identity::device_class},
      {IdentityKey::region, &Identity::region},           {IdentityKey::site, &Identity::site},
      {IdentityKey::customer, &Identity::customer},       {IdentityKey::os_version, &Identity::os_version},
      {IdentityKey::memory_tier, &Identity::memory_tier}, {IdentityKey::broker_name, &Identity::broker_name},
  };
  Reader reader{log, identity};
  for (const auto& entry : texts) {
    const int code = reader.text(entry.key, identity.*entry.field);
    if (code < 0) return code;
    if (entry.key != IdentityKey::broker_name && (identity.*entry.field).size() > limits::attribute_len_max)
      return err_provisioning;
  }
  static_assert(limits::id_len_max == limits::attribute_len_max, "one bound for the device id and the attributes");
  std::string_view tags;
  int code = reader.text(IdentityKey::tags, tags);
  if (code < 0) return code;
  identity.tag_count = 0;
  code = split_tags(tags, identity);
  if (code < 0) return code;
  std::uint8_t memory[4] = {};
  code = log.read(static_cast<std::uint8_t>(IdentityKey::memory_mb), memory, sizeof memory);
  if (code < 0 && code != err_not_found) return code == err_too_long ? static_cast<int>(err_provisioning) : code;
  identity.memory_mb = static_cast<std::uint32_t>(memory[0]) | static_cast<std::uint32_t>(memory[1]) << 8 |
                       static_cast<std::uint32_t>(memory[2]) << 16 | static_cast<std::uint32_t>(memory[3]) << 24;
  return identity.device_id.empty() || identity.device_class.empty() ? static_cast<int>(err_provisioning)
                                                                     : static_cast<int>(ok);
}

int read_credential(const RecordLog& log, IdentityKey key, std::uint8_t* to, std::uint32_t capacity) {
  const int size = log.read(static_cast<std::uint8_t>(key), to, capacity);
  return size == err_not_found ? static_cast<int>(err_provisioning) : size;
}

}  // namespace muster::mcu
