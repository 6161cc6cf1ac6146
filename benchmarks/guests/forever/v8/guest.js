function forever() {
  for (;;) {
    // Nothing to wait for.
  }
}
