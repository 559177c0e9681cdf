// SPDX-License-Identifier: Apache-2.0

// Package startorder is the helper run: it stands in front of an app's own command,
// waits until the conditions hold that the app needs, and becomes the app by
// execve(2). So the app has the process ID (1, as a rule), the arguments, the
// environment, the working directory and the exit status that it would have had, and
// nobody stands between it and its signals.
//
// What an app inherits from the wrapper is what the wrapper inherited itself, with
// these exceptions:
//
//   - the umask, if one is asked for;
//   - one open descriptor, if others wait for this container to start or to exit;
//   - the Go runtime, which handles all signals, takes note only of SIGHUP and SIGINT
//     being ignored. Were another signal ignored when the wrapper started, the app
//     finds it in its default disposition, as it does after runc. And of several
//     values for one variable of the environment the app gets the first, which is
//     also the one that getenv(3) returns.
//
// # Signals while waiting
//
// The first process of a container is not killed by a signal that it does not handle,
// pid_namespaces(7), so dying by SIGTERM is not possible there. The wrapper handles
// SIGTERM, SIGINT and SIGQUIT, the usual stop signals, and exits with 128 and the
// number of the signal: a pod that is deleted while an app waits does not last until
// its grace period is over. SIGHUP is dropped, as it would be by an app that has not
// come to installing its handler yet.
//
// # Containers that have started or exited
//
// A container tells of its start by a file of its name in a directory that the
// containers share, with a lock, flock(2), that lasts as long as the app. The app
// inherits the descriptor that holds the lock, at a number that no app uses by habit,
// and never hears of it; when its last process has ended, the kernel releases the
// lock. So no process has to stay beside the app.
//
// A container has started when its file names the present start of the pod, or is
// locked. It has exited when its file names the present start and is not locked.
// This has its limits:
//
//   - An app that closes descriptors which it does not know counts as exited when it
//     does, as some daemons do. Children that an app starts are no matter, with the
//     descriptor or without.
//   - A container that is restarted has exited until its next start takes the lock
//     again, and how it exited is not known.
//   - A process that can write to the directory can lie: it is shared within one pod.
package startorder
