#include "app/app.h"

int main(int argc, char** argv) {
  return jarvis2::app::run(argc, argv);
}
