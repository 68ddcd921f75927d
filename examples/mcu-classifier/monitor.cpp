#include "examples/mcu-classifier/monitor.h"

#include <cassert>

namespace muster::classifier {

void Monitor::use(const Model& model) {
  model_ = model;
  hits_ = 0;
  seen_ = 0;
  right_ = 0;
}

Answer Monitor::judge(const Window& window) {
  assert(ready());
  ++inferences_;
  return classify(model_, window);
}

Answer Monitor::judge(const Window& window, Motor truth) {
  const auto answer = judge(window);
  const bool hit = answer.motor == truth;
  if (seen_ < remembered) {
    ++seen_;
  } else if ((hits_ >> (remembered - 1)) != 0) {
    --right_;
  }
  hits_ = (hits_ << 1) | (hit ? 1U : 0U);
  if (hit) ++right_;
  return answer;
}

int Monitor::accuracy_permille() const {
  return seen_ < known_from ? unknown : right_ * 1000 / seen_;
}

}  // namespace muster::classifier
