// Messages to standard error. Results go to standard output and never through here.
#pragma once

#include <string_view>

namespace espalier {

// The text as it is, at once. One that cannot be written (the terminal is gone, the disk full) is lost:
// nobody could be told, and what the program does goes on.
void write_to_stderr(std::string_view text);

// With `quiet`, log_info prints nothing; warnings always print.
void set_quiet(bool quiet);
bool quiet();
// Messages are printable(): names of files and labels of others' tables stand in them.
void log_info(std::string_view message);
void log_warning(std::string_view message);

// Of several processes that do the same, one speaks: with a number above 0 the two above print nothing, and
// what follows is told with the number.
void set_log_process(int number);
int log_process();
// What this process has to say, whatever the others say.
void log_warning_of_any_process(std::string_view message);
void log_error(std::string_view message);  // "espalier: message"

}  // namespace espalier
