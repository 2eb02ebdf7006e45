"""What goes and when: periods, holds, what keeps a message here, and the nights in which it goes."""
