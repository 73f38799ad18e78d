// NVRTC, which makes a library for this machine and hands out its path as what a GPU would be given.

#include "gpu.h"

#include <cstring>

#define API extern "C" __attribute__((visibility("default")))

struct Program {
    std::string source, result, log;
};

API int nvrtcVersion(int *major, int *minor) { *major = 13; *minor = 0; return 0; }
API const char *nvrtcGetErrorString(int) { return "an error of the emulated compiler"; }
API int nvrtcCreateProgram(Program **program, const char *source, const char *, int, const char *const *, const char *const *) {
    *program = new Program{source, "", ""};
    return 0;
}
API int nvrtcDestroyProgram(Program **program) { delete *program; return 0; }
API int nvrtcCompileProgram(Program *program, int, const char *const *) {
    std::string kernels = exports(program->source, "__global__ void ");
    std::string library = compiled("#include \"emulation.h\"\n" + program->source + "\n" + kernels, program->log);
    if (library.empty()) return 6;
    program->result = "// emulated: " + library + "\n";
    for (size_t at = 0; (at = kernels.find('(', at)) != std::string::npos;) {
        size_t end = kernels.find(')', at);
        program->result += ".visible .entry " + kernels.substr(at + 1, end - at - 1) + "(\n";
        at = end;
    }
    return 0;
}
API int nvrtcGetPTXSize(Program *program, size_t *size) { *size = program->result.size() + 1; return 0; }
API int nvrtcGetPTX(Program *program, char *text) { strcpy(text, program->result.c_str()); return 0; }
API int nvrtcGetProgramLogSize(Program *program, size_t *size) { *size = program->log.size() + 1; return 0; }
API int nvrtcGetProgramLog(Program *program, char *text) { strcpy(text, program->log.c_str()); return 0; }
