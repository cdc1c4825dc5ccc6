{% for server in config_get("user.nexus.dns", "")|split:" " %}{% if server %}nameserver {{ server|safe }}
{% endif %}{% endfor %}