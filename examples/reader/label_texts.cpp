#include "examples/reader/label_texts.h"

namespace muster::reader {
namespace {

constexpr LabelText english[] = {
    {"dairy", {"Miller Dairy Farm", "12 Green Road, Portland"}},
    {"fruit", {"Sweet apples from Oregon", "best before March 2027"}},
    {"handling", {"Net weight: 250 g", "keep cool and dry"}},
    {"returns", {"Return only with the key", "road closed, use the door"}},
    {"warning", {"Caution: hot surface", "unplug before you open it"}},
};

constexpr LabelText german[] = {
    {"dairy", {"Müller Käserei", "Grüner Weg 12, 80331 München"}},
    {"fruit", {"Süße Äpfel aus Österreich", "ungekühlt haltbar bis März"}},
    {"handling", {"Größe: 250 g, Höhe: 4 cm", "kühl und trocken lagern"}},
    {"returns", {"Rückgabe nur mit Schlüssel", "Straße geschlossen, Tür öffnen"}},
    {"warning", {"Vorsicht: heiße Oberfläche", "Gerät vor dem Öffnen lösen"}},
};

}  // namespace

std::span<const LabelText> label_texts(std::string_view region) {
  if (region == "us") return english;
  if (region == "de") return german;
  return {};
}

}  // namespace muster::reader
