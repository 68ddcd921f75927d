#include "tests/bench/engine_restart.h"

#include <utility>
#include <variant>

#include "broker-plugin/store/keys.h"
#include "broker-plugin/store/store.h"
#include "tests/bench/lib/clock.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {
namespace {

template <typename Value>
Value must(tl::expected<Value, Error> result) {
  if (!result) break_off("%s", result.error().message.c_str());
  if constexpr (!std::is_void_v<Value>) return std::move(*result);
}

}  // namespace

void keep(std::vector<rules::Effect>& effects, Records& records) {
  for (auto& effect : effects) {
    auto* persist = std::get_if<rules::Persist>(&effect);
    if (persist == nullptr) continue;
    if (persist->value) {
      records[persist->key] = std::move(*persist->value);
    } else {
      records.erase(persist->key);
    }
  }
}

Restart::Restart(std::size_t devices, const Records& records)
    : devices_(devices), trust_{must(trust::SigningKey::generate()), {}, {}} {
  constexpr std::size_t batch_size = 10'000;
  must(broker::prepare_data_dir(folder_.file("data")));
  const auto store = must(broker::Store::open(folder_.file("data")));
  std::vector<broker::Record> batch;
  for (const auto& [key, value] : records) {
    batch.push_back({broker::keys::join(broker::keys::engine, key), value});
    if (batch.size() < batch_size) continue;
    must(store->write(batch));
    batch.clear();
  }
  must(store->write(batch));
}

double Restart::seconds() const {
  const auto start = Clock::now();
  const auto store = must(broker::Store::open(folder_.file("data")));
  const auto restored = must(broker::restore(*store, trust_, folder_.file("data")));
  const double taken_s = seconds_since(start);
  if (restored.engine.devices().size() != devices_)
    break_off("%zu devices came back, not %zu", restored.engine.devices().size(), devices_);
  return taken_s;
}

}  // namespace muster::bench
