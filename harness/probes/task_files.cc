#include "harness/probes/task_files.h"

#include <filesystem>
#include <system_error>

#include "harness/probe.h"

namespace crossover {

std::string ForEachTaskFile(pid_t pid, std::string_view file,
                            const std::function<void(std::string_view text)>& take) {
  const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
  std::string why = tasks.string() + ": no thread could be read";
  bool any = false;
  std::error_code error;
  for (std::filesystem::directory_iterator task(tasks, error), end; !error && task != end;
       task.increment(error)) {
    const auto text = ReadSmallFile(task->path() / file, why);
    if (!text) continue;
    take(*text);
    any = true;
  }
  if (error && !any) return tasks.string() + ": " + error.message();
  return any ? std::string() : why;
}

}  // namespace crossover
