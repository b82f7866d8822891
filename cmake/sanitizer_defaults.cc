// What the leak sanitizer is to overlook.
extern "C" const char* __lsan_default_suppressions();

// libgit2's regular expressions keep their match data.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libpcre2\n";
}
