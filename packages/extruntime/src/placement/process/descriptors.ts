/** Descriptors that a child process is given. All others are closed. */
export const FD = {
  /** Frames to it. */
  in: 3,
  /** Frames from it; it writes them without an event loop, so that a guest that holds the thread does not keep them. */
  out: 4,
  /** To and from its watchdog, a thread that answers when the main one does not. */
  watchdog: 5,
  /** What it has done and not sent yet. */
  journal: 6,
  /** The supervisor's, which the child does not get. The host's end of it is closed when the host is gone. */
  supervisor: 7,
} as const;
