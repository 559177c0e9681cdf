// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// kubelet is the node whose kubelet asks, told from everybody else by the user name and the
// group, as the API server does it (k8s.io/kubernetes, pkg/auth/nodeidentifier); "" for
// everybody else. It matters for mirrors of static pods alone, and is read for them alone.
func (r *request) kubelet() string {
	if !bytes.Contains(r.Object, []byte(corev1.MirrorPodAnnotationKey)) {
		return ""
	}
	var user struct {
		Username string   `json:"username"`
		Groups   []string `json:"groups"`
	}
	if jsonv2.Unmarshal(r.UserInfo, &user, jsonscan.AllowDuplicates) != nil || !slices.Contains(user.Groups, "system:nodes") {
		return ""
	}
	node, isNode := strings.CutPrefix(user.Username, "system:node:")
	if !isNode {
		return ""
	}
	return node
}
