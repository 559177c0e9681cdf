// SPDX-License-Identifier: Apache-2.0

// Package safedir opens what lies in a directory that other containers can write to.
//
// The directory is held by a descriptor, and each name in it is one component: no
// path is resolved below it, so no symbolic link is followed, neither at the end of a
// path nor in its middle. An open never waits, whatever has the name: a named pipe
// without a reader, a device, or a file on which somebody holds a lease, fcntl(2). What
// is opened is a regular file with one name, or a directory; everything else is an
// [Error] that says what was found. Existing files are opened to be read alone: to write
// is to [Dir.Create] a file and to [Dir.Rename] it.
//
// [os.Root] gives less than that: it follows links that stay below its directory, in
// the middle and at the end of a path even with O_NOFOLLOW, and its OpenRoot and Open
// wait for a named pipe's other end. What it gives is used here: its operations that
// open nothing act on one name and not on what a link there points to, and its
// RemoveAll goes down by descriptors and removes links instead of following them.
//
// The path of the directory itself is trusted except for its last component: in a
// container it is where a volume is mounted, which no other container can move.
package safedir
