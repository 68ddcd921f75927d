#include "examples/mcu-classifier/board_app.h"

namespace muster::classifier {
namespace {

const char* const metric_names[BoardApp::metric_count] = {"accuracy", "degraded"};
constexpr std::uint32_t degraded_pace = 4;  // one window in so many, when the client asks for less

}  // namespace

BoardApp::BoardApp(const BoardAppSetup& setup) : setup_(setup) {
  checks_[0].name = "sensor";
  checks_[0].run = [](void* self) {
    return static_cast<BoardApp*>(self)->setup_.sensor_works ? mcu::CheckResult::healthy : mcu::CheckResult::failed;
  };
  checks_[1].name = "model";
  checks_[1].run = [](void* self) {
    const auto& app = *static_cast<BoardApp*>(self);
    if (app.reload_due_) return mcu::CheckResult::waiting;
    return app.model_good_ ? mcu::CheckResult::healthy : mcu::CheckResult::failed;
  };
  application_.context = this;
  application_.run = [](void* self, mcu::WorkloadMode mode) { static_cast<BoardApp*>(self)->mode_ = mode; };
  application_.reload = [](void* self) { static_cast<BoardApp*>(self)->reload_due_ = true; };
  application_.restart = application_.reload;
  application_.checks = checks_;
  application_.check_count = 2;
  application_.metrics = metric_names;
  application_.metric_count = metric_count;
  application_.version = setup.version;
}

// A board without a model has nothing to judge and is well; one whose model cannot be read is not.
void BoardApp::reload(const mcu::Client& client) {
  mcu::FileView view;
  Model model;
  reload_due_ = false;
  const int found = client.file(wire::Plane::model, model_file_name, view);
  model_good_ = found == mcu::err_not_found;
  if (found == mcu::ok) model_good_ = load_model(ByteView(setup_.flash + view.offset, view.size), model) == model_ok;
  monitor_.use(model);
}

void BoardApp::turn(mcu::Client& client, std::uint64_t now_ms) {
  if (reload_due_) reload(client);
  if (now_ms < next_ms_) return;
  next_ms_ = now_ms + setup_.interval_ms;
  client.alive();
  if (mode_ == mcu::WorkloadMode::off || !monitor_.ready()) return;
  ++window_;
  const bool is_degraded = mode_ == mcu::WorkloadMode::degraded;
  client.sample(degraded, is_degraded ? 1.0f : 0.0f);
  if (is_degraded && window_ % degraded_pace != 0) return;
  Window window;
  const auto truth = make_window(setup_.seed, window_, window);
  const auto begun_us = setup_.uptime_us();
  (void)monitor_.judge(window, truth);
  client.inference(static_cast<std::uint32_t>(setup_.uptime_us() - begun_us));
  const int permille = monitor_.accuracy_permille();
  if (permille >= 0) client.sample(accuracy, static_cast<float>(permille) / 10.0f);
}

}  // namespace muster::classifier
