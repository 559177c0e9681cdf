// SPDX-License-Identifier: Apache-2.0

// Package datewriter writes the date into a file, again and again: the helper
// date-writer.
//
// The file is on a volume that the app sees, and may be allowed to write to. So
// whatever has the file's name is taken for what it is, each time:
//
//   - Only a file that this process made is ever written to. A regular file that it
//     did not make (an earlier process did, or the app) is exchanged for a copy.
//   - A link, a named pipe, a socket and a file with a second name are replaced, by
//     renaming a fresh file over them.
//   - A directory, a link that git-poller published and a file that may not be read
//     are left alone; the next tick tries again.
//
// A process that reads the file sees whole lines. A file that grows too big, and every
// file in the mode replace, is exchanged by rename(2): a reader has the old file or
// the new one. A line that cannot be written completely is taken back. One thing
// cannot be had while appending: the kernel makes an append visible page by page,
// so a reader may find the newest line without its end for as long as one write(2)
// takes, if that line crosses a page.
//
// Nothing is synced to the disk: after a loss of power the last lines may be gone.
package datewriter
