/* Stands in for libicudata in the edge image: an ICU without tables, which is 30 MB less. What links it there is libtesseract, by
 * libarchive and libxml2, for archives and encodings that the reader of labels never meets. As ICU's own stub library
 * (stubdata.cpp): a common data file whose table of contents is empty, so that whoever does ask is told that there is none. */
#include <stdint.h>

#define JOINED(version) icudt##version##_dat
#define NAME(version) JOINED(version)

__attribute__((visibility("default"), aligned(16))) const struct {
  uint16_t header_size;
  uint8_t magic[2];
  struct {
    uint16_t size, reserved;
    uint8_t big_endian, charset, sizeof_uchar, reserved_too;
    uint8_t format[4], format_version[4], data_version[4];
  } info;
  char padding[8];
  uint32_t entry_count, reserved[3];
} NAME(ICU_VERSION) = {32,
                       {0xda, 0x27},
                       {20, 0, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, 0, 2, 0, {'T', 'o', 'C', 'P'}, {1, 0, 0, 0}, {0, 0, 0, 0}},
                       "stubdat",
                       0,
                       {0, 0, 0}};
