// SPDX-License-Identifier: Apache-2.0

// Package reloader watches directories and tells an app when their content changes.
//
// The kernel says when something happens (inotify), and a scan says whether the content is
// another: names, types, bytes and targets of links, not times or permissions. Where the
// kernel cannot say it, since its limits are reached or a directory is not there yet,
// scans come more often; on a file system on which others write, as NFS, only scans notice.
//
// Directories that are swapped by a link ..data, as those of ConfigMaps, Secrets and
// projected volumes are, and what git-poller publishes, are read through that link once for
// each scan, so that a scan sees one version of them.
package reloader
