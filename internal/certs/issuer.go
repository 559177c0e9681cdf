// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"encoding/json"
	"fmt"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
)

// Issuer is what is to be known of an Issuer or ClusterIssuer, which share their fields.
type Issuer struct {
	Ready Condition
	// Secret holds the key of an issuer that is an authority by itself; "" for one that
	// asks somebody else, or signs with each certificate's own key.
	Secret string
}

// ReadIssuer reads an Issuer or ClusterIssuer from the JSON of the API server.
func ReadIssuer(raw []byte) (*Issuer, error) {
	var from certmanagerv1.Issuer
	if err := json.Unmarshal(raw, &from); err != nil {
		return nil, fmt.Errorf("reading an issuer: %w", err)
	}
	i := &Issuer{}
	if from.Spec.CA != nil {
		i.Secret = from.Spec.CA.SecretName
	}
	for _, one := range from.Status.Conditions {
		if one.Type == certmanagerv1.IssuerConditionReady {
			i.Ready = condition(one.Status, one.Reason, one.Message)
		}
	}
	return i, nil
}

// Resource is the resource of a referenced issuer; ok is false if it is of a group that
// is not cert-manager's own, whose types nobody here knows.
func (r Reference) Resource() (resource string, namespaced, ok bool) {
	switch {
	case r.Group != Group:
		return "", false, false
	case r.Kind == certmanagerv1.ClusterIssuerKind:
		return "clusterissuers", false, true
	}
	return "issuers", true, r.Kind == certmanagerv1.IssuerKind
}
