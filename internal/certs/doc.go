// SPDX-License-Identifier: Apache-2.0

// Package certs is all that knows the types of cert-manager's API. It reads objects as
// the API server has them, and hands on what is to be known of them in plain types; what
// that means for an installation is package check's to say.
//
//	certificate.go   what shall be issued, and whether it is
//	issuer.go        who issues it
package certs

import (
	"github.com/cert-manager/cert-manager/pkg/apis/certmanager"
	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
)

// Group is the API group of all that is read here, in version v1.
const Group = certmanager.GroupName

// Annotations of a webhook configuration by which cert-manager's cainjector fills in
// caBundle. Both values are <namespace>/<name>, of a Certificate or of a Secret.
const (
	InjectFromCertificate = certmanagerv1.WantInjectAnnotation
	InjectFromSecret      = certmanagerv1.WantInjectFromSecretAnnotation
)

// Condition is the Ready condition of an object.
type Condition struct {
	Known   bool // false if no controller has written one yet
	True    bool
	Reason  string
	Message string
}

func condition(status cmmeta.ConditionStatus, reason, message string) Condition {
	return Condition{Known: true, True: status == cmmeta.ConditionTrue, Reason: reason, Message: message}
}
