// Free text: what clean_text makes can be shown anywhere, is never too long, and good text stays as it is.
#include "schemas/text.h"

#include "tests/fuzz/target.h"

FUZZ_TARGET(text) {
  using namespace muster;
  fuzz::Choices choices(input);
  const std::size_t len_max = choices.byte();
  const fuzz::ExactCopy copy{ByteView(choices.rest())};
  const auto text = copy.view().text();
  const auto clean = clean_text(text, len_max);
  FUZZ_REQUIRE(is_text(clean) && clean.size() <= len_max, "cleaned and still no text");
  FUZZ_REQUIRE(clean_text(clean, len_max) == clean, "cleaning twice changes it");
  if (is_text(text)) {
    FUZZ_REQUIRE(text.substr(0, clean.size()) == clean, "good text was changed");
    FUZZ_REQUIRE(clean.size() == text.size() || clean.size() + 4 > len_max, "more was cut than one character");
  }
}
