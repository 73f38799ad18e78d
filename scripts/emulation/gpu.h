// What the emulated libraries share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

// Counts something that was done, for the report at the end.
void count(const std::string &what);

// Does what a stream is asked for; while it is captured, only adds it to what is captured.
void ask(std::function<void()> work);
bool is_captured();

// Makes a library of C++ source that includes `emulation.h` unless it is there already: its path, or nothing and what the
// compiler says.
std::string compiled(const std::string &source, std::string &log);

// The names behind each occurrence of `before`, up to a parenthesis.
std::string exports(const std::string &text, const std::string &before);

// Values of the types that the libraries know, kept as they keep them, computed with in double precision.
enum class Type { f32, f64, bf16 };
double load(Type type, const void *values, size_t index);
void store(Type type, void *values, size_t index, double value);
