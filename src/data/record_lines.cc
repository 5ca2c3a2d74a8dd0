#include "espalier/data/record_lines.h"

#include <iterator>
#include <utility>

#include "espalier/data/bad_record.h"

namespace espalier::data {

std::optional<std::string_view> RecordLines::next() {
  std::optional<std::string_view> text;
  if (!again_.empty()) {
    current_ = std::move(again_.front());
    again_.pop_front();
    line_number_ = current_.number;
    text = current_.text;
  } else {
    try {
      text = reader_.next();
    } catch (const io::LongLine& line) {
      throw BadRecord(path(), line.line(), line.reason());
    }
    line_number_ = reader_.line_number();
  }
  if (text && keeping_) kept_.push_back({line_number_, std::string(*text)});
  return text;
}

void RecordLines::forget() {
  keeping_ = false;
  kept_.clear();
}

std::size_t RecordLines::give_again() {
  const std::size_t count = kept_.size();
  again_.insert(again_.begin(), std::make_move_iterator(kept_.begin()), std::make_move_iterator(kept_.end()));
  forget();
  return count;
}

}  // namespace espalier::data
