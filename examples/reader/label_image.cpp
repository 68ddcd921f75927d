#include "examples/reader/label_image.h"

#include <cairo.h>

#include <algorithm>
#include <memory>

namespace muster::reader {
namespace {

constexpr double font_px = 28;
constexpr double line_px = 1.5 * font_px;
constexpr double margin_px = font_px;

struct SurfaceDestroyer {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
struct ContextDestroyer {
  void operator()(cairo_t* context) const { cairo_destroy(context); }
};
using Surface = std::unique_ptr<cairo_surface_t, SurfaceDestroyer>;
using Context = std::unique_ptr<cairo_t, ContextDestroyer>;

void choose_font(cairo_t* context) {
  cairo_select_font_face(context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(context, font_px);
}

double widest_px(std::span<const std::string_view> lines) {
  const Surface scratch(cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1));
  const Context context(cairo_create(scratch.get()));
  choose_font(context.get());
  double widest = 0;
  for (const auto line : lines) {
    cairo_text_extents_t extents;
    cairo_text_extents(context.get(), std::string(line).c_str(), &extents);
    widest = std::max(widest, extents.x_advance);
  }
  return widest;
}

}  // namespace

tl::expected<void, Error> draw_label(std::span<const std::string_view> lines, const std::string& path) {
  const auto width = static_cast<int>(widest_px(lines) + 2 * margin_px) + 1;
  const auto height = static_cast<int>(static_cast<double>(lines.size()) * line_px + 2 * margin_px);
  const Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
  const Context context(cairo_create(surface.get()));
  cairo_set_source_rgb(context.get(), 1, 1, 1);
  cairo_paint(context.get());
  cairo_set_source_rgb(context.get(), 0, 0, 0);
  choose_font(context.get());
  double baseline_px = margin_px + font_px;
  for (const auto line : lines) {
    cairo_move_to(context.get(), margin_px, baseline_px);
    cairo_show_text(context.get(), std::string(line).c_str());
    baseline_px += line_px;
  }
  auto status = cairo_status(context.get());
  if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_write_to_png(surface.get(), path.c_str());
  if (status != CAIRO_STATUS_SUCCESS) {
    return tl::unexpected(
        Error{ErrorKind::io, "cannot draw the label " + path + ": " + cairo_status_to_string(status)});
  }
  return {};
}

}  // namespace muster::reader
