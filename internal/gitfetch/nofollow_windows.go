// SPDX-License-Identifier: Apache-2.0

package gitfetch

// noFollow is nothing on Windows, where no git-poller runs: kubectl pillion try has nothing
// kept to open.
const noFollow = 0
