// Compiling a program, and loading it into an executor.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bridge/completions.h"
#include "executor/call.h"

namespace pyvm {

// What an executor needs to load a program. Texts are UTF-8.
struct ProgramSource {
    std::string code;  // marshalled, from a CompileJob
    std::string filename;      // the folder and below; begins with memory:<name>/ where there is none
    std::string stem;          // of the file name, after which the Python module is called
    std::int64_t program = 0;  // unique in the process
    std::vector<std::string> exports;
    std::string folder;  // of the file, where its other files are imported from
    std::optional<std::vector<std::pair<std::string, std::string>>> files;  // by path, of an extension without a folder
    std::vector<std::string> paths;                                         // for sys.path
    bool extended_json = false;
    std::string config;             // as JSON; empty for none
    std::vector<std::string> venv;  // its prefix, then its site-packages folders; empty for none
    Bounds bounds;
    std::shared_ptr<OutputRoom> output;
    bool hands_over = false;  // as its Home says
};

// Compiles source to marshalled code, for the executor of the main interpreter. It runs no code of the guest.
struct CompileJob : Job {
    CompileJob(std::string source, std::string filename, std::uint32_t token, std::shared_ptr<Completions> completions)
        : source(std::move(source)), filename(std::move(filename)), token(token), completions(std::move(completions)) {}
    void run(Executor& executor) override;
    void refuse(const Failure& failure) override;

    std::string source;
    std::string filename;
    std::uint32_t token;
    std::shared_ptr<Completions> completions;
};

// Runs the program's top level and finds its functions.
struct LoadJob : Job {
    LoadJob(ProgramSource source, std::uint32_t token, std::shared_ptr<Completions> completions,
            std::shared_ptr<Cancellation> cancellation)
        : source(std::move(source)), token(token), completions(std::move(completions)), cancellation(std::move(cancellation)) {}
    void run(Executor& executor) override;
    void refuse(const Failure& failure) override;

    ProgramSource source;
    std::uint32_t token;
    std::shared_ptr<Completions> completions;
    std::shared_ptr<Cancellation> cancellation;
};

}  // namespace pyvm
