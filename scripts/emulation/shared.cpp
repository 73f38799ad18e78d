#include "gpu.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <unistd.h>

// Written where EMULATED_GPU_REPORT says when the program ends.
struct Report {
    std::mutex mutex;
    std::map<std::string, size_t> counts;

    ~Report() {
        const char *path = getenv("EMULATED_GPU_REPORT");
        if (!path || counts.empty()) return;
        std::ofstream file(path, std::ios::app);
        for (auto &[what, times] : counts) file << times << '\t' << what << '\n';
    }
};

void count(const std::string &what) {
    static Report report;
    std::lock_guard<std::mutex> guard(report.mutex);
    report.counts[what]++;
}

static std::string folder() { return getenv("EMULATED_GPU"); }

std::string compiled(const std::string &source, std::string &log) {
    char name[32];
    snprintf(name, sizeof name, "%016zx", std::hash<std::string>()(source));
    std::string path = folder() + "/" + name, library = path + ".so";
    if (access(library.c_str(), R_OK) == 0) return library;
    std::string own = path + "." + std::to_string(getpid());
    std::ofstream(own + ".cpp") << source;
    std::string command = std::string(getenv("EMULATED_GPU_COMPILER")) + " -o " + own + ".so " + own + ".cpp 2> " + own + ".log";
    if (system(command.c_str()) != 0) {
        std::stringstream said;
        said << std::ifstream(own + ".log").rdbuf();
        log = said.str();
        return "";
    }
    unlink((own + ".log").c_str());
    rename((own + ".cpp").c_str(), (path + ".cpp").c_str());
    rename((own + ".so").c_str(), library.c_str());
    return library;
}

std::string exports(const std::string &text, const std::string &before) {
    std::string result;
    std::set<std::string> names;
    for (size_t at = 0; (at = text.find(before, at)) != std::string::npos;) {
        at += before.size();
        size_t end = at;
        while (isalnum(text[end]) || text[end] == '_') end++;
        std::string name = text.substr(at, end - at);
        if (end > at && text[end] == '(' && names.insert(name).second) result += "EMULATED(" + name + ")\n";
    }
    return result;
}

double load(Type type, const void *values, size_t index) {
    if (type == Type::f64) return ((const double *)values)[index];
    if (type == Type::f32) return ((const float *)values)[index];
    uint32_t wide = (uint32_t)((const uint16_t *)values)[index] << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
}

void store(Type type, void *values, size_t index, double value) {
    float single = (float)value;
    if (type == Type::f64) ((double *)values)[index] = value;
    if (type == Type::f32) ((float *)values)[index] = single;
    if (type != Type::bf16) return;
    uint32_t wide;
    memcpy(&wide, &single, 4);
    ((uint16_t *)values)[index] = single != single ? wide >> 16 | 0x40 : (wide + 0x7fff + (wide >> 16 & 1)) >> 16;
}
