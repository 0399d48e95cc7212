"""By what the collector knows its senders. Each is optional: a sender without one is refused.

`new,old` names two secrets while one is being changed: what either of them has signed is let in.
"""

from pydantic import BaseModel, ConfigDict, Field

from connectors.keyring import KeyRing, NamedSecrets, Secrets
from connectors.values import Keys, Listed, Seconds, Signing, SigningByName

NONE = Secrets()


class Credentials(BaseModel):
    """The senders' secrets and keys, and how old what they have signed may be."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    snowplow_apps: Listed = Field(
        (),
        alias="LEADSTREAM_SNOWPLOW_APPS",
        description="app ids (`aid`) whose Snowplow trackers may send, `shop,blog`; none = nobody",
    )
    ga4_secrets: SigningByName = Field(
        NamedSecrets({}),
        alias="LEADSTREAM_GA4_SECRETS",
        description="who may send by the GA4 Measurement Protocol, `measurement id:api secret`; none = nobody",
    )
    google_key: Signing = Field(
        NONE,
        alias="LEADSTREAM_GOOGLE_KEY",
        description="the key set in Google Ads for the lead form webhook, `new,old`; none = refused",
    )
    sendgrid_public_key: Listed = Field(
        (),
        alias="LEADSTREAM_SENDGRID_PUBLIC_KEY",
        description="SendGrid's verification key, base64 as SendGrid shows it, `new,old`; none = refused",
    )
    sendgrid_skew_s: Seconds = Field(
        3600.0,
        alias="LEADSTREAM_SENDGRID_SKEW_S",
        description="how far a signed timestamp may be from our clock, seconds",
    )
    mailgun_keys: Signing = Field(
        NONE, alias="LEADSTREAM_MAILGUN_KEYS", description="Mailgun's webhook signing key, `new,old`; none = refused"
    )
    mailgun_skew_s: Seconds = Field(
        30_600.0,
        alias="LEADSTREAM_MAILGUN_SKEW_S",
        description="how far Mailgun's timestamp may be from our clock, seconds; it repeats a webhook for 8 hours",
    )
    postmark_keys: Keys = Field(
        KeyRing(),
        alias="LEADSTREAM_POSTMARK_KEYS",
        description="basic authentication that Postmark sends, `user:password,user:password`; none = nobody",
    )
    brevo_keys: Keys = Field(
        KeyRing(),
        alias="LEADSTREAM_BREVO_KEYS",
        description="tokens or passwords that Brevo sends, `name:key,name:key`; none = nobody",
    )
    meta_secrets: Signing = Field(
        NONE, alias="LEADSTREAM_META_SECRETS", description="app secret of the Meta app, `new,old`; none = refused"
    )
    meta_verify_token: Signing = Field(
        NONE,
        alias="LEADSTREAM_META_VERIFY_TOKEN",
        description="the token that Meta is to show when it verifies the webhook; none = refused",
    )
    linkedin_secrets: Signing = Field(
        NONE,
        alias="LEADSTREAM_LINKEDIN_SECRETS",
        description="client secret of the LinkedIn app, `new,old`; none = refused",
    )
    typeform_secrets: Signing = Field(
        NONE, alias="LEADSTREAM_TYPEFORM_SECRETS", description="secret of Typeform's webhook, `new,old`; none = refused"
    )
    calendly_keys: Signing = Field(
        NONE,
        alias="LEADSTREAM_CALENDLY_KEYS",
        description="signing key of Calendly's webhook, `new,old`; none = refused",
    )
    calendly_skew_s: Seconds = Field(
        300.0,
        alias="LEADSTREAM_CALENDLY_SKEW_S",
        description="how far Calendly's timestamp may be from our clock, seconds",
    )
    hubspot_secrets: Signing = Field(
        NONE,
        alias="LEADSTREAM_HUBSPOT_SECRETS",
        description="client secret of the HubSpot app, `new,old`; none = refused",
    )
    hubspot_url: str = Field(
        "",
        alias="LEADSTREAM_HUBSPOT_URL",
        description="the whole URL that HubSpot calls, `https://leads.example.com/v1/hubspot/events`: it is signed too",
    )
    hubspot_skew_s: Seconds = Field(
        300.0,
        alias="LEADSTREAM_HUBSPOT_SKEW_S",
        description="how far HubSpot's timestamp may be from our clock, seconds",
    )
    salesforce_keys: Keys = Field(
        KeyRing(),
        alias="LEADSTREAM_SALESFORCE_KEYS",
        description="who may send Salesforce's change events, `name:key,name:key`; none = nobody",
    )
    salesforce_client: str = Field(
        "",
        alias="LEADSTREAM_SALESFORCE_CLIENT",
        description="name of the client under which the relay writes to Salesforce: its own changes are not read back",
    )
    canary_keys: Keys = Field(
        KeyRing({}),
        alias="LEADSTREAM_CANARY_KEYS",
        description="which probes may send canary leads, `name:key,name:key`; none = nobody",
    )
    map_secrets: SigningByName = Field(
        NamedSecrets({}),
        alias="LEADSTREAM_MAP_SECRETS",
        description="secrets of mapped webhooks, `map:new,map:old,other:secret`; none = refused",
    )
    maps: Listed = Field(
        (), alias="LEADSTREAM_MAPS", description="YAML files of mapped webhooks of your own, `a.yaml,b.yaml`"
    )
    sns_topics: Listed = Field(
        (),
        alias="LEADSTREAM_SNS_TOPICS",
        description="ARNs of the SNS topics on which SES publishes, `arn:aws:sns:...,arn:aws:sns:...`; none = refused",
    )
    sns_certificates: Listed = Field(
        (),
        alias="LEADSTREAM_SNS_CERTIFICATES",
        description="PEM files of the certificates with which SNS signs, `new.pem,old.pem`; none = refused",
    )
    sns_skew_s: Seconds = Field(
        3600.0, alias="LEADSTREAM_SNS_SKEW_S", description="how far an SNS timestamp may be from our clock, seconds"
    )
